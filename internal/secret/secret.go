// Package secret seals the secrets of connectors, so that what is at rest in
// the database is of no use without the master key, which is not in it. What is
// sealed with is AES-256-GCM of Go's standard library.
package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The forms of a sealed text. Both hold, in base64, a random nonce and the
// ciphertext. The second says before it with which key, by its id.
const (
	sealedV1 = "sealed:v1:"
	sealedV2 = "sealed:v2:"
)

// maxSecret bounds a secret, or a key text, that is read from a file, in bytes.
const maxSecret = 64 << 10

// A Place is where a secret belongs. A sealed text opens only at its place:
// copied to another connector or field it is worthless. The connector is
// meant by its id, so that it can be renamed.
type Place struct {
	ConnectorID int64
	Field       string
}

// TokenPlace is the place of the token that was got with a credential of a
// connector.
func TokenPlace(connectorID int64, credential string) Place {
	return Place{connectorID, "token/" + credential}
}

func (p Place) bytes() []byte { return fmt.Appendf(nil, "connector/%d/%s", p.ConnectorID, p.Field) }

// IsReference reports whether a stored text refers to a secret that is kept
// elsewhere: "env:NAME" or "file:PATH".
func IsReference(stored string) bool {
	return strings.HasPrefix(stored, "env:") || strings.HasPrefix(stored, "file:")
}

// ownVariables are Sluice's own secrets in the environment, with what begins
// with the name where that ends in a '*'.
var ownVariables = []string{"SLUICE_MASTER_KEY*", "SLUICE_DATABASE_URL", "TEMPORAL_API_KEY"}

// CheckReference refuses a reference to Sluice's own secrets: a connector's are
// sent to a vendor, whose address whoever makes a connector chooses. What is no
// reference passes.
func CheckReference(stored string) error {
	if name, ok := strings.CutPrefix(stored, "env:"); ok {
		for _, own := range ownVariables {
			if prefix, open := strings.CutSuffix(own, "*"); name == own || open && strings.HasPrefix(name, prefix) {
				return fmt.Errorf("%s cannot be a connector's secret: it is one of Sluice's own", stored)
			}
		}
	}
	if path, ok := strings.CutPrefix(stored, "file:"); ok {
		return checkFile(path, "")
	}
	return nil
}

// checkFile refuses the file with the master key, and those in which the system
// shows the environments of processes.
func checkFile(path, keyFile string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path // it is not there; reading it will say so
	}
	if real, err = filepath.Abs(real); err == nil && strings.HasPrefix(real, "/proc/") {
		return fmt.Errorf("file:%s cannot be a connector's secret: it shows what processes are told", path)
	}
	if keyFile == "" {
		return nil
	}
	file, err := os.Stat(path)
	if err != nil {
		return nil
	}
	if key, err := os.Stat(keyFile); err == nil && os.SameFile(file, key) {
		return fmt.Errorf("file:%s cannot be a connector's secret: it holds the master key", path)
	}
	return nil
}

// CheckReferenceBeside is CheckReference, and refuses the file with the master key.
func CheckReferenceBeside(keyFile, stored string) error {
	if err := CheckReference(stored); err != nil {
		return err
	}
	if path, ok := strings.CutPrefix(stored, "file:"); ok {
		return checkFile(path, keyFile)
	}
	return nil
}

// IsSealed reports whether a stored text has the form of a sealed one. Only
// Open can tell whether it opens.
func IsSealed(stored string) bool {
	return strings.HasPrefix(stored, sealedV1) || strings.HasPrefix(stored, sealedV2)
}

// SealedWith returns the id of the key that a text was sealed with; empty when
// the text does not say.
func SealedWith(stored string) string {
	text, ok := strings.CutPrefix(stored, sealedV2)
	id, _, found := strings.Cut(text, ":")
	if !ok || !found {
		return ""
	}
	return id
}

// Seal seals a secret for its place, with the first key.
func (k Key) Seal(at Place, plain string) string {
	if k.ring.cheap {
		k.ring.reload() // a newer key may have been put first
	}
	first := k.ring.known()[0]
	sealed := first.aead.Seal(nil, nil, []byte(plain), at.bytes())
	return sealedV2 + first.id + ":" + base64.StdEncoding.EncodeToString(sealed)
}

// Open returns the secret behind a stored text: a sealed one, or a reference,
// which is resolved on the machine that opens it. Where no key that is here
// opens the text, the source of the keys is read once more.
func (k Key) Open(at Place, stored string) (string, error) {
	if IsReference(stored) {
		keyFile := ""
		if k.ring != nil {
			keyFile = k.ring.file
		}
		if err := CheckReferenceBeside(keyFile, stored); err != nil {
			return "", fmt.Errorf("%s: %w", at.Field, err)
		}
		return resolve(at.Field, stored)
	}
	id := SealedWith(stored)
	text := strings.TrimPrefix(stored, sealedV1)
	if id != "" {
		text = strings.TrimPrefix(stored, sealedV2+id+":")
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !IsSealed(stored) {
		return "", fmt.Errorf("%s is stored in an unknown form", at.Field)
	}
	if k.ring == nil {
		return "", fmt.Errorf("%s cannot be opened without the master key: set SLUICE_MASTER_KEY, SLUICE_MASTER_KEY_FILE or SLUICE_MASTER_KEY_COMMAND", at.Field)
	}
	plain, ok := k.ring.open(id, at, sealed)
	if !ok && !k.ring.has(id) && k.ring.reloadFor(id) {
		plain, ok = k.ring.open(id, at, sealed)
	}
	switch {
	case ok:
		return plain, nil
	case id == "":
		return "", fmt.Errorf("%s cannot be opened: it was sealed with another master key than %s, or for another connector or field", at.Field, k.idsInWords())
	case k.ring.has(id):
		return "", fmt.Errorf("%s cannot be opened, though the master key %s that it was sealed with is here: it belongs to another connector or field, or was damaged", at.Field, id)
	}
	return "", fmt.Errorf("%s cannot be opened: it was sealed with master key %s, and here is %s", at.Field, id, k.idsInWords())
}

// resolve reads the secret that a reference names.
func resolve(field, reference string) (string, error) {
	var value string
	var err error
	if name, ok := strings.CutPrefix(reference, "env:"); ok {
		if value = os.Getenv(name); value == "" {
			err = fmt.Errorf("the environment variable %s is not set here", name)
		}
	} else {
		value, err = ReadFile(strings.TrimPrefix(reference, "file:"))
	}
	if err != nil {
		return "", fmt.Errorf("%s is to be read from %s: %w", field, reference, err)
	}
	return value, nil
}

// ReadFile reads a secret from a file, without the newline at its end.
func ReadFile(path string) (string, error) {
	text, err := readBounded(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	value := strings.TrimRight(text, "\r\n")
	if value == "" {
		return "", fmt.Errorf("read secret: %s is empty", path)
	}
	return value, nil
}

// readBounded reads a small file.
func readBounded(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return "", errors.New(path + " is a folder")
	}
	if info.Size() > maxSecret {
		return "", fmt.Errorf("%s has %d bytes, more than any secret", path, info.Size())
	}
	text, err := os.ReadFile(path)
	return string(text), err
}
