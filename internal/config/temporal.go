package config

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
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
	dialled, err := dialPatiently(ctx, options)
	if err == nil {
		return dialled, nil
	}
	advice := "start it with 'sluice dev', or set TEMPORAL_ADDRESS"
	if set, _ := c.env.LookupEnv("TEMPORAL_ADDRESS"); set != "" {
		advice = "check TEMPORAL_ADDRESS, and that the service runs"
	}
	return nil, fmt.Errorf("no Temporal service can be used at %s: %s (%w)", options.HostPort, advice, err)
}

const (
	dialBound  = 10 * time.Second
	dialsEvery = 200 * time.Millisecond
)

// dialPatiently dials until it works, the context ends or dialBound is over:
// a server that has just started or is busy resets connections. Where nobody
// listens, it does not wait for somebody.
func dialPatiently(ctx context.Context, options client.Options) (client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialBound)
	defer cancel()
	for {
		dialled, err := client.DialContext(ctx, options)
		// The error of gRPC has the reason only in its text.
		if !errors.As(err, new(*serviceerror.Unavailable)) || strings.Contains(err.Error(), "connection refused") {
			return dialled, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(dialsEvery):
		}
	}
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
