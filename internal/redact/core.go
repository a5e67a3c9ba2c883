package redact

import (
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Core returns a core that writes to another what is left of entries without
// the secrets: of messages, names of loggers, and all that fields say.
func Core(to zapcore.Core, secrets *Set) zapcore.Core {
	return &core{to: to, secrets: secrets}
}

type core struct {
	to      zapcore.Core
	secrets *Set
	with    []zapcore.Field
	// prepared is to with these fields, by what was secret at that time.
	prepared atomic.Pointer[prepared]
}

type prepared struct {
	version *index
	core    zapcore.Core
}

// Enabled implements zapcore.LevelEnabler.
func (c *core) Enabled(level zapcore.Level) bool { return c.to.Enabled(level) }

// Level is for zapcore.LevelOf.
func (c *core) Level() zapcore.Level { return zapcore.LevelOf(c.to) }

// With implements zapcore.Core.
func (c *core) With(fields []zapcore.Field) zapcore.Core {
	all := make([]zapcore.Field, 0, len(c.with)+len(fields))
	return &core{to: c.to, secrets: c.secrets, with: append(append(all, c.with...), fields...)}
}

// Check implements zapcore.Core.
func (c *core) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c *core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	entry.Message = c.secrets.Text(entry.Message)
	entry.LoggerName = c.secrets.Text(entry.LoggerName)
	entry.Stack = c.secrets.Text(entry.Stack)
	if checked := c.current().Check(entry, nil); checked != nil { // one of several cores, or a sampler, may not want it
		checked.Write(c.clean(fields)...)
	}
	return nil
}

// Sync implements zapcore.Core.
func (c *core) Sync() error { return c.to.Sync() }

// current is the core with its fields, redacted by what is secret now.
func (c *core) current() zapcore.Core {
	if len(c.with) == 0 {
		return c.to
	}
	version := c.secrets.version()
	if p := c.prepared.Load(); p != nil && p.version == version {
		return p.core
	}
	p := &prepared{version: version, core: c.to.With(c.clean(c.with))}
	c.prepared.Store(p)
	return p.core
}

// clean returns the fields as they may be written.
func (c *core) clean(fields []zapcore.Field) []zapcore.Field {
	var out []zapcore.Field // a copy, once one changes
	for i, field := range fields {
		clean, changed := c.field(field)
		if !changed {
			continue
		}
		if out == nil {
			out = append(make([]zapcore.Field, 0, len(fields)), fields...)
		}
		out[i] = clean
	}
	if out == nil {
		return fields
	}
	return out
}

func (c *core) field(f zapcore.Field) (clean zapcore.Field, changed bool) {
	switch f.Type {
	case zapcore.StringType:
		text := c.secrets.Text(f.String)
		if len(text) == len(f.String) && text == f.String {
			return f, false
		}
		return zap.String(f.Key, text), true
	case zapcore.ArrayMarshalerType, zapcore.ObjectMarshalerType, zapcore.InlineMarshalerType, zapcore.BinaryType,
		zapcore.ByteStringType, zapcore.ReflectType, zapcore.StringerType, zapcore.ErrorType:
		return zap.Inline(zapcore.ObjectMarshalerFunc(func(to zapcore.ObjectEncoder) error {
			f.AddTo(object{to, c.secrets}) // an error of it becomes a field, by AddString
			return nil
		})), true
	}
	return f, false // numbers, times and the like
}
