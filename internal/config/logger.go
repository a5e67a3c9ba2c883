package config

import (
	"fmt"
	"log/slog"

	"go.temporal.io/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"sluice/internal/redact"
)

// Logger makes the log that everything writes to, Temporal's SDK too, on
// standard error. What is in secrets, also later, is left out of its lines.
func (c Config) Logger(secrets *redact.Set) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(c.LogLevel)
	if err != nil {
		return nil, fmt.Errorf("SLUICE_LOG_LEVEL is %q: use debug, info, warn or error", c.LogLevel)
	}
	var options zap.Config
	switch c.LogFormat {
	case "json":
		options = zap.NewProductionConfig()
		options.Sampling = nil
	case "console":
		options = zap.NewDevelopmentConfig()
		options.Development = false
		options.DisableCaller = true
	default:
		return nil, fmt.Errorf("SLUICE_LOG_FORMAT is %q: use console or json", c.LogFormat)
	}
	options.EncoderConfig.EncodeTime = zapcore.RFC3339TimeEncoder
	options.DisableStacktrace = true
	options.Level = zap.NewAtomicLevelAt(level)
	return options.Build(zap.WrapCore(func(to zapcore.Core) zapcore.Core { return redact.Core(to, secrets) }))
}

// temporalLogger lets Temporal's SDK write to the same log.
func temporalLogger(z *zap.Logger) log.Logger {
	return log.NewStructuredLogger(slog.New(zapslog.NewHandler(z.Core(), zapslog.WithName("temporal"))))
}
