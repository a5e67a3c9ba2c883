package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// KeySize is the size of a master key in bytes (AES-256).
const KeySize = 32

// Key seals and opens: one master key or several, of which the first seals and
// all open. The zero Key opens references only. It never prints itself, and is
// safe for concurrent use.
type Key struct {
	ring *ring
}

func (Key) String() string   { return "secret.Key" }
func (Key) GoString() string { return "secret.Key" }

// NewKey makes a key of 32 bytes.
func NewKey(raw []byte) (Key, error) {
	one, err := newMasterKey(raw)
	if err != nil {
		return Key{}, err
	}
	return Key{&ring{keys: []masterKey{one}}}, nil
}

// ParseKey reads a text of keys, each of 32 bytes in base64, with white space
// between them. What follows a '#' in a line is a comment.
func ParseKey(text string) (Key, error) {
	keys, err := parseKeys(text)
	if err != nil {
		return Key{}, err
	}
	return Key{&ring{keys: keys}}, nil
}

// LoadKey reads the keys from where read gets their text. It does so once more
// when a text turns out to be sealed with a key that it has not got yet, but not
// again and again: reading may be dear.
func LoadKey(read func() (text string, err error)) (Key, error) {
	return load(&ring{read: read})
}

func load(r *ring) (Key, error) {
	text, err := r.read()
	if err != nil {
		return Key{}, err
	}
	r.keys, err = parseKeys(text)
	if err != nil {
		return Key{}, err
	}
	return Key{r}, nil
}

// IDs lists the ids of the keys, the one that seals first: of each the first
// eight hexadecimal digits of its SHA-256.
func (k Key) IDs() []string {
	var ids []string
	if k.ring != nil {
		for _, one := range k.ring.known() {
			ids = append(ids, one.id)
		}
	}
	return ids
}

// Fixed is the keys as they are now: it does not follow their source.
func (k Key) Fixed() Key { return Key{&ring{keys: k.ring.known(), file: k.ring.file}} }

// Renewed is the keys as they are now behind a new one that is kept nowhere: to
// try what sealing everything with a new key would do.
func (k Key) Renewed() (Key, error) {
	text, err := newKeyText()
	if err != nil {
		return Key{}, err
	}
	one, err := parseKey(text)
	return Key{&ring{keys: append([]masterKey{one}, k.ring.known()...)}}, err
}

func (k Key) idsInWords() string {
	ids := k.IDs()
	if len(ids) == 1 {
		return "key " + ids[0]
	}
	return "keys " + strings.Join(ids, ", ")
}

// masterKey is one key.
type masterKey struct {
	id   string
	aead cipher.AEAD
}

func newMasterKey(raw []byte) (masterKey, error) {
	if len(raw) != KeySize {
		return masterKey{}, fmt.Errorf("a master key has %d bytes, not %d", KeySize, len(raw))
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return masterKey{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	sum := sha256.Sum256(raw)
	return masterKey{hex.EncodeToString(sum[:4]), aead}, err
}

// parseKey reads one key. Its error does not quote it.
func parseKey(word string) (masterKey, error) {
	raw, err := base64.StdEncoding.DecodeString(word)
	if err != nil || len(raw) != KeySize {
		return masterKey{}, fmt.Errorf("a master key is %d random bytes in base64: make one with 'openssl rand -base64 %d'", KeySize, KeySize)
	}
	return newMasterKey(raw)
}

// IsKey says whether a text is a key.
func IsKey(text string) bool {
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		if raw, err := encoding.DecodeString(text); err == nil && len(raw) == KeySize {
			return true
		}
	}
	return false
}

func parseKeys(text string) ([]masterKey, error) {
	var keys []masterKey
	for line := range strings.Lines(text) {
		written, _, _ := strings.Cut(line, "#")
		for _, word := range strings.Fields(written) {
			one, err := parseKey(word)
			if err != nil {
				return nil, fmt.Errorf("key %d of the text: %w", len(keys)+1, err)
			}
			keys = append(keys, one)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is no key in it: make one with 'openssl rand -base64 %d'", KeySize)
	}
	return keys, nil
}

// newKeyText makes a new key, in base64.
func newKeyText() (string, error) {
	raw := make([]byte, KeySize)
	_, err := rand.Read(raw)
	return base64.StdEncoding.EncodeToString(raw), err
}

// ring holds keys, and where they come from.
type ring struct {
	read  func() (string, error) // nil: they stay as they are
	cheap bool                   // to read: it may be done at any time
	file  string                 // that they are in; empty: elsewhere

	mu     sync.Mutex
	keys   []masterKey // replaced as a whole
	sought map[string]time.Time
}

// reloadPause is how long a key that was not found is not looked for again.
const reloadPause = 10 * time.Second

func (r *ring) known() []masterKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys
}

// has says whether there is a key of that id.
func (r *ring) has(id string) bool {
	return slices.ContainsFunc(r.known(), func(one masterKey) bool { return one.id == id })
}

// open opens with the keys of that id, or with all where it is empty.
func (r *ring) open(id string, at Place, sealed []byte) (string, bool) {
	for _, one := range r.known() {
		if id != "" && one.id != id {
			continue
		}
		if plain, err := one.aead.Open(nil, nil, sealed, at.bytes()); err == nil {
			return string(plain), true
		}
	}
	return "", false
}

// reloadFor reads the source for the sake of a key that was not found, and says
// whether it did.
func (r *ring) reloadFor(id string) bool {
	if !r.cheap {
		r.mu.Lock()
		recently := time.Since(r.sought[id]) < reloadPause
		if r.sought == nil {
			r.sought = make(map[string]time.Time)
		}
		r.sought[id] = time.Now()
		r.mu.Unlock()
		if recently {
			return false
		}
	}
	return r.reload()
}

// reload reads the source, and says whether it could. Where it cannot be read
// the keys stay: those that are here may do.
func (r *ring) reload() bool {
	if r.read == nil {
		return false
	}
	text, err := r.read()
	if err != nil {
		return false
	}
	keys, err := parseKeys(text)
	if err != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = keys
	return true
}
