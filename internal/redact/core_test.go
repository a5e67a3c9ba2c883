package redact_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/multierr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"pgregory.net/rapid"

	"sluice/internal/redact"
)

// verbose is an error that says more when asked for it.
type verbose struct{ short, long string }

func (e verbose) Error() string { return e.short }
func (e verbose) Format(s fmt.State, verb rune) {
	if s.Flag('+') {
		_, _ = io.WriteString(s, e.long)
		return
	}
	_, _ = io.WriteString(s, e.short)
}

type stringer string

func (s stringer) String() string { return string(s) }

// nested is an object in an array in an object.
type nested string

func (n nested) MarshalLogObject(to zapcore.ObjectEncoder) error {
	to.AddString("text", string(n))
	to.AddByteString("bytes", []byte(n))
	to.AddBinary("binary", []byte(n))
	if err := to.AddReflected("any", map[string]string{string(n): string(n)}); err != nil {
		return err
	}
	if err := to.AddObject("deeper", zapcore.ObjectMarshalerFunc(func(to zapcore.ObjectEncoder) error {
		to.AddString(string(n), "as a key")
		return nil
	})); err != nil {
		return err
	}
	return to.AddArray("list", zapcore.ArrayMarshalerFunc(func(to zapcore.ArrayEncoder) error {
		to.AppendString(string(n))
		to.AppendByteString([]byte(n))
		if err := to.AppendReflected([]string{string(n)}); err != nil {
			return err
		}
		if err := to.AppendArray(zapcore.ArrayMarshalerFunc(func(to zapcore.ArrayEncoder) error {
			to.AppendString(string(n))
			return nil
		})); err != nil {
			return err
		}
		return to.AppendObject(zapcore.ObjectMarshalerFunc(func(to zapcore.ObjectEncoder) error {
			to.AddString("text", string(n))
			return errors.New("failed at " + string(n))
		}))
	}))
}

// fields say a text in every way that a field can.
func fields(s string) []zap.Field {
	return []zap.Field{
		zap.String("string", s), zap.Stringp("pointer", &s), zap.Strings("strings", []string{"a", s}), zap.ByteString("bytes", []byte(s)), zap.Binary("binary", []byte(s)),
		zap.Error(fmt.Errorf("failed: %w", errors.New(s))), zap.NamedError("verbose", verbose{"short", "long " + s}),
		zap.Errors("errors", []error{errors.New(s)}), zap.NamedError("several", multierr.Combine(errors.New("one"), errors.New(s))),
		zap.Stringer("stringer", stringer(s)), zap.Stringers("stringers", []stringer{stringer(s)}), zap.Object("object", nested(s)), zap.Inline(nested(s)),
		zap.Objects("objects", []nested{nested(s)}), zap.Dict("dict", zap.String("inner", s)),
		zap.Any("any", map[string]any{"header": http.Header{"Authorization": {basic(s)}}}), zap.Reflect("reflect", struct{ Password string }{s}),
		zap.Int("int", 7), zap.Duration("duration", time.Second), zap.Namespace("namespace"), zap.String("in a namespace", s),
	}
}

func logger(set *redact.Set, encoder func(zapcore.EncoderConfig) zapcore.Encoder) (*zap.Logger, *bytes.Buffer) {
	var out bytes.Buffer
	core := zapcore.NewCore(encoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&out), zapcore.DebugLevel)
	return zap.New(redact.Core(core, set)), &out
}

func TestNoSecretGetsIntoALog(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := secret(t, "secret")
		for _, encoder := range []func(zapcore.EncoderConfig) zapcore.Encoder{zapcore.NewJSONEncoder, zapcore.NewConsoleEncoder} {
			write := func(s string, set *redact.Set) string {
				log, out := logger(set, encoder)
				log.With(fields(s)...).Named("name of "+s).Error("message with "+s, fields(s)...)
				return out.String()
			}
			out, about := write(s, redact.New(s)), write(redact.Mark, nil)
			require.Contains(t, out, "message with [redacted]")
			for how, spelling := range spellings {
				if spelled := bare(how, spelling(s)); !strings.Contains(about, spelled) { // as `":"` is
					require.NotContains(t, out, spelled, how)
				}
			}
		}
	})
}

func TestEntriesWithoutSecretsAreWrittenAsWithoutTheCore(t *testing.T) {
	t.Parallel()
	for _, encoder := range []func(zapcore.EncoderConfig) zapcore.Encoder{zapcore.NewJSONEncoder, zapcore.NewConsoleEncoder} {
		var bare bytes.Buffer
		config := zap.NewProductionEncoderConfig()
		config.TimeKey = ""
		plain := zap.New(zapcore.NewCore(encoder(config), zapcore.AddSync(&bare), zapcore.InfoLevel))
		var out bytes.Buffer
		redacted := zap.New(redact.Core(zapcore.NewCore(encoder(config), zapcore.AddSync(&out), zapcore.InfoLevel), redact.New("hunter2!")))
		for _, log := range []*zap.Logger{plain, redacted} {
			log.Named("worker").With(fields("nothing secret")...).Warn("it happened", fields("nor here")...)
			log.Debug("not wanted")
		}
		require.NotEmpty(t, bare.String())
		require.Equal(t, bare.String(), out.String())
	}
}

func TestWhatBecomesSecretLaterIsRedactedInEarlierFields(t *testing.T) {
	t.Parallel()
	set := redact.New()
	log, out := logger(set, zapcore.NewJSONEncoder)
	log = log.With(zap.String("text", "hunter2!"))
	log.Info("before")
	require.Contains(t, out.String(), "hunter2!")
	out.Reset()
	set.Add("hunter2!")
	log.Info("after")
	require.NotContains(t, out.String(), "hunter2!")
	require.Contains(t, out.String(), `"text":"[redacted]"`)
}

func TestANumberThatIsASecretLeavesALogThatCanBeRead(t *testing.T) {
	t.Parallel()
	log, out := logger(redact.New("12345678"), zapcore.NewJSONEncoder)
	log.Info("pin", zap.Any("values", map[string]int{"pin": 12345678}))
	require.Contains(t, out.String(), `"values":"{\"pin\":[redacted]}"`)
}

func TestTheCoreBelowDecidesWhatItWrites(t *testing.T) {
	t.Parallel()
	low, lines := observer.New(zapcore.DebugLevel)
	high, alarms := observer.New(zapcore.ErrorLevel)
	log := zap.New(redact.Core(zapcore.NewTee(low, high), redact.New("hunter2!")))
	log.Info("hunter2! is well")
	log.Error("hunter2! is not")
	require.Equal(t, 2, lines.Len())
	require.Equal(t, 1, alarms.Len())
	require.Equal(t, "[redacted] is not", alarms.All()[0].Message)
	require.Equal(t, zapcore.DebugLevel, log.Level())
}

// BenchmarkLine is of a log line without secrets, of a worker that knows those
// of twenty connectors.
func BenchmarkLine(b *testing.B) {
	set := redact.New()
	for i := range 60 {
		set.Add(fmt.Sprintf("S3cr&t/%d+\"of a connector\"", i))
	}
	config := zap.NewProductionEncoderConfig()
	core := zapcore.NewCore(zapcore.NewJSONEncoder(config), zapcore.AddSync(io.Discard), zapcore.InfoLevel)
	line := func(b *testing.B, log *zap.Logger) {
		log = log.Named("worker").With(zap.String("connector", "Production subscription"), zap.Int64("run", 12))
		b.ReportAllocs()
		for b.Loop() {
			log.Info("page fetched", zap.String("stream", "FINDING"), zap.Int("records", 1000), zap.Duration("took", time.Second),
				zap.String("next", "POST https://qualysapi.example.com/qps/rest/3.0/search/was/finding after 182736451"))
		}
	}
	b.Run("plain", func(b *testing.B) { line(b, zap.New(core)) })
	b.Run("redacted", func(b *testing.B) { line(b, zap.New(redact.Core(core, set))) })
}
