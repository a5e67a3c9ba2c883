package redact

import (
	"encoding/json"

	"go.uber.org/zap/zapcore"
)

// object redacts what is added to an object.
type object struct {
	zapcore.ObjectEncoder
	secrets *Set
}

func (o object) AddString(key, value string) {
	o.ObjectEncoder.AddString(o.secrets.Text(key), o.secrets.Text(value))
}

func (o object) AddByteString(key string, value []byte) {
	o.ObjectEncoder.AddByteString(o.secrets.Text(key), o.secrets.Bytes(value))
}

func (o object) AddBinary(key string, value []byte) {
	o.ObjectEncoder.AddBinary(o.secrets.Text(key), o.secrets.Bytes(value))
}

func (o object) AddArray(key string, value zapcore.ArrayMarshaler) error {
	return o.ObjectEncoder.AddArray(o.secrets.Text(key), ofArray(value, o.secrets))
}

func (o object) AddObject(key string, value zapcore.ObjectMarshaler) error {
	return o.ObjectEncoder.AddObject(o.secrets.Text(key), ofObject(value, o.secrets))
}

func (o object) AddReflected(key string, value any) error {
	value, err := ofReflected(value, o.secrets)
	if err != nil {
		return err
	}
	return o.ObjectEncoder.AddReflected(o.secrets.Text(key), value)
}

// array redacts what is added to an array.
type array struct {
	zapcore.ArrayEncoder
	secrets *Set
}

func (a array) AppendString(value string) { a.ArrayEncoder.AppendString(a.secrets.Text(value)) }

func (a array) AppendByteString(value []byte) {
	a.ArrayEncoder.AppendByteString(a.secrets.Bytes(value))
}

func (a array) AppendArray(value zapcore.ArrayMarshaler) error {
	return a.ArrayEncoder.AppendArray(ofArray(value, a.secrets))
}

func (a array) AppendObject(value zapcore.ObjectMarshaler) error {
	return a.ArrayEncoder.AppendObject(ofObject(value, a.secrets))
}

func (a array) AppendReflected(value any) error {
	value, err := ofReflected(value, a.secrets)
	if err != nil {
		return err
	}
	return a.ArrayEncoder.AppendReflected(value)
}

func ofArray(value zapcore.ArrayMarshaler, secrets *Set) zapcore.ArrayMarshaler {
	return zapcore.ArrayMarshalerFunc(func(to zapcore.ArrayEncoder) error {
		return value.MarshalLogArray(array{to, secrets})
	})
}

func ofObject(value zapcore.ObjectMarshaler, secrets *Set) zapcore.ObjectMarshaler {
	return zapcore.ObjectMarshalerFunc(func(to zapcore.ObjectEncoder) error {
		return value.MarshalLogObject(object{to, secrets})
	})
}

// ofReflected is a value without the secrets in its JSON. Where a number was
// one, what is left is no JSON, and becomes a text.
func ofReflected(value any, secrets *Set) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	clean := secrets.Bytes(text)
	switch {
	case len(clean) == len(text) && string(clean) == string(text):
		return value, nil
	case json.Valid(clean):
		return json.RawMessage(clean), nil
	}
	return string(clean), nil
}
