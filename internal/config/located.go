package config

import (
	"errors"

	"sluice/internal/devstack"
)

// Located is the configuration with the addresses of the embedded default where
// the environment does not give them and 'sluice dev' runs, and all that is
// known of where that is.
func (c Config) Located() (Config, devstack.Endpoints, error) {
	at, err := devstack.ReadEndpoints(c.Home)
	if err != nil && !errors.Is(err, devstack.ErrNotRunning) {
		return c, at, err
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = at.DatabaseURL
	}
	c.TemporalAddress, c.TemporalNamespace = at.TemporalAddress, at.Namespace
	return c, at, nil
}
