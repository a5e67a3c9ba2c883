package config

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.uber.org/zap"
)

// DialTemporal connects to the Temporal service that the standard TEMPORAL_*
// variables name, or else the configuration, or else Temporal's own
// configuration file. The error of an unreachable one is a line with the
// address tried and what to set.
func (c Config) DialTemporal(ctx context.Context, z *zap.Logger) (client.Client, error) {
	options, err := c.temporalOptions()
	if err != nil {
		return nil, err
	}
	if options.HostPort == "" {
		return nil, errors.New("it is not known where Temporal is: start 'sluice dev', or set TEMPORAL_ADDRESS (such as localhost:7233)")
	}
	options.Logger = temporalLogger(z)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	dialled, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("no Temporal service can be used at %s: start it with 'sluice dev', or set TEMPORAL_ADDRESS (%w)", options.HostPort, err)
	}
	return dialled, nil
}

func (c Config) temporalOptions() (client.Options, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: temporalEnvironment{c}})
	if err != nil {
		return options, fmt.Errorf("read Temporal's configuration (TEMPORAL_* variables): %w", err)
	}
	return options, nil
}

// Namespace is the namespace of Temporal that DialTemporal's client works in.
func (c Config) Namespace() (string, error) {
	options, err := c.temporalOptions()
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return options.Namespace, err
}

// temporalEnvironment is the environment, with the configured address and
// namespace where it does not give them.
type temporalEnvironment struct{ c Config }

func (e temporalEnvironment) Environ() []string { return e.c.env.Environ() }

func (e temporalEnvironment) LookupEnv(name string) (string, bool) {
	value, ok := e.c.env.LookupEnv(name)
	configured := map[string]string{"TEMPORAL_ADDRESS": e.c.TemporalAddress, "TEMPORAL_NAMESPACE": e.c.TemporalNamespace}[name]
	if value == "" && configured != "" {
		return configured, true
	}
	return value, ok
}
