package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// LoadKeyFile reads the keys from a file. The Key follows the file: it seals
// with the key that is the first when it seals.
func LoadKeyFile(path string) (Key, error) {
	key, err := load(&ring{cheap: true, file: path, read: func() (string, error) { return readBounded(path) }})
	if err != nil {
		return Key{}, fmt.Errorf("read master key from %s: %w", path, err)
	}
	return key, nil
}

// LoadOrCreateKeyFile reads the keys from a file, and makes a new one there,
// that only the owner can read, when the file is not there yet.
func LoadOrCreateKeyFile(path string) (Key, error) {
	key, err := LoadKeyFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	text, err := newKeyText()
	if err != nil {
		return Key{}, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return LoadKeyFile(path)
	}
	if err != nil {
		return Key{}, fmt.Errorf("create master key: %w", err)
	}
	if err := writeAndClose(f, text+"\n"); err != nil {
		return Key{}, fmt.Errorf("write master key: %w", err)
	}
	return LoadKeyFile(path)
}

// PutNewKey makes a new key and puts it first into a key file, with a comment
// that says when; the others stay behind it. It returns the new key's id. The
// file is as it was or has the new key, at any time and also after a crash.
// Those who change one file must not do so at once.
func PutNewKey(path string) (id string, err error) {
	err = rewrite(path, func(text string) (string, error) {
		if _, err := parseKeys(text); err != nil {
			return "", err
		}
		word, err := newKeyText()
		if err != nil {
			return "", err
		}
		one, err := parseKey(word)
		id = one.id
		return fmt.Sprintf("%s # key %s, made %s\n%s", word, id, time.Now().UTC().Format(time.DateOnly), text), err
	})
	return id, err
}

// RemoveKeys takes the keys with these ids out of a key file, with the comments
// beside them, in the way of PutNewKey.
func RemoveKeys(path string, ids []string) error {
	return rewrite(path, func(text string) (string, error) {
		var kept strings.Builder
		for line := range strings.Lines(text) {
			written, _, _ := strings.Cut(line, "#")
			var stay []string
			words := strings.Fields(written)
			for _, word := range words {
				if one, err := parseKey(word); err != nil || !slices.Contains(ids, one.id) {
					stay = append(stay, word)
				}
			}
			switch {
			case len(stay) == len(words):
				kept.WriteString(line)
			case len(stay) > 0:
				kept.WriteString(strings.Join(stay, " ") + "\n")
			}
		}
		_, err := parseKeys(kept.String()) // one must be left
		return kept.String(), err
	})
}

// rewrite replaces a key file's text by way of a new file beside it, which is
// on the disk before it gets the name. Owner and mode stay, so that whoever
// reads the file still can.
func rewrite(path string, edit func(text string) (string, error)) error {
	path, err := filepath.EvalSymlinks(path) // what a link names is replaced, not the link
	if err != nil {
		return fmt.Errorf("change the master key file: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("change the master key file: %w", err)
	}
	before, err := readBounded(path)
	if err != nil {
		return fmt.Errorf("change the master key file: %w", err)
	}
	after, err := edit(before)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	beside := path + ".new"
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a crash
		return fmt.Errorf("change the master key file: %w", err)
	}
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("change the master key file: %w", err)
	}
	err = errors.Join(keepOwner(f, info), writeAndClose(f, after))
	if now, rerr := readBounded(path); err == nil && (rerr != nil || now != before) {
		err = errors.Join(errors.New(path+" was changed by somebody else meanwhile"), rerr)
	}
	if err == nil {
		err = os.Rename(beside, path)
	}
	if err != nil {
		return fmt.Errorf("change the master key file: %w", errors.Join(err, os.Remove(beside)))
	}
	return syncFolder(filepath.Dir(path))
}

func writeAndClose(f *os.File, text string) error {
	_, err := f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolder puts a changed name in a folder on the disk.
func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("change the master key file: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
