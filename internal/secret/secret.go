// Package secret seals the secrets of connectors, so that what is at rest in
// the database is of no use without the master key, which is not in it.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// KeySize is the size of a master key in bytes (AES-256).
const KeySize = 32

// sealedPrefix marks a sealed text and its form: AES-256-GCM with a random
// nonce before the ciphertext, base64.
const sealedPrefix = "sealed:v1:"

// maxSecret bounds a secret that is read from a file, in bytes.
const maxSecret = 64 << 10

// Key seals and opens. It never prints itself.
type Key struct {
	aead cipher.AEAD
}

func (Key) String() string   { return "secret.Key" }
func (Key) GoString() string { return "secret.Key" }

// NewKey makes a key of 32 bytes.
func NewKey(raw []byte) (Key, error) {
	if len(raw) != KeySize {
		return Key{}, fmt.Errorf("a master key has %d bytes, not %d", KeySize, len(raw))
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return Key{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return Key{aead}, err
}

// ParseKey reads a key written in base64, as LoadOrCreateKey writes it.
func ParseKey(text string) (Key, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != KeySize {
		return Key{}, fmt.Errorf("a master key is %d random bytes in base64: make one with 'openssl rand -base64 %d'", KeySize, KeySize)
	}
	return NewKey(raw)
}

// LoadKey reads a key from a file.
func LoadKey(path string) (Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("read master key: %w", err)
	}
	key, err := ParseKey(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// LoadOrCreateKey reads the key from a file, and makes a new one there, that
// only the owner can read, when the file is not there yet.
func LoadOrCreateKey(path string) (Key, error) {
	key, err := LoadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	raw := make([]byte, KeySize)
	if _, err := rand.Read(raw); err != nil {
		return Key{}, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return LoadKey(path)
	}
	if err != nil {
		return Key{}, fmt.Errorf("create master key: %w", err)
	}
	if _, err := fmt.Fprintln(f, base64.StdEncoding.EncodeToString(raw)); err != nil {
		return Key{}, errors.Join(fmt.Errorf("write master key: %w", err), f.Close())
	}
	if err := f.Close(); err != nil {
		return Key{}, fmt.Errorf("write master key: %w", err)
	}
	return NewKey(raw)
}

// A Place is where a secret belongs. A sealed text opens only at its place:
// copied to another connector or field it is worthless. The connector is
// meant by its id, so that it can be renamed.
type Place struct {
	ConnectorID int64
	Field       string
}

func (p Place) bytes() []byte { return fmt.Appendf(nil, "connector/%d/%s", p.ConnectorID, p.Field) }

// Seal seals a secret for its place.
func (k Key) Seal(at Place, plain string) string {
	sealed := k.aead.Seal(nil, nil, []byte(plain), at.bytes())
	return sealedPrefix + base64.StdEncoding.EncodeToString(sealed)
}

// IsReference reports whether a stored text refers to a secret that is kept
// elsewhere: "env:NAME" or "file:PATH".
func IsReference(stored string) bool {
	return strings.HasPrefix(stored, "env:") || strings.HasPrefix(stored, "file:")
}

// IsSealed reports whether a stored text has the form of a sealed one. Only
// Open can tell whether it opens.
func IsSealed(stored string) bool { return strings.HasPrefix(stored, sealedPrefix) }

// Open returns the secret behind a stored text: a sealed one, or a reference,
// which is resolved on the machine that opens it.
func (k Key) Open(at Place, stored string) (string, error) {
	if name, ok := strings.CutPrefix(stored, "env:"); ok {
		value := os.Getenv(name)
		if value == "" {
			return "", fmt.Errorf("%s is to be read from the environment variable %s, which is not set here", at.Field, name)
		}
		return value, nil
	}
	if path, ok := strings.CutPrefix(stored, "file:"); ok {
		return ReadFile(path)
	}
	text, ok := strings.CutPrefix(stored, sealedPrefix)
	if !ok {
		return "", fmt.Errorf("%s is stored in an unknown form", at.Field)
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("%s is stored in an unknown form", at.Field)
	}
	if k.aead == nil {
		return "", fmt.Errorf("%s cannot be opened without the master key: set SLUICE_MASTER_KEY or SLUICE_MASTER_KEY_FILE", at.Field)
	}
	plain, err := k.aead.Open(nil, nil, sealed, at.bytes())
	if err != nil {
		return "", fmt.Errorf("%s cannot be opened: it was sealed with another master key", at.Field)
	}
	return string(plain), nil
}

// ReadFile reads a secret from a file, without the newline at its end.
func ReadFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	if info.Size() > maxSecret {
		return "", fmt.Errorf("read secret: %s has %d bytes, more than any secret", path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return "", fmt.Errorf("read secret: %s is empty", path)
	}
	return value, nil
}
