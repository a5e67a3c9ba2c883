package devstack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// relocated is where the data of a server with lowered rights goes when it cannot stay where asked.
const relocated = "/var/tmp"

// serverUser returns whom a server runs as when this process is root's, which PostgreSQL refuses to
// run for: the owner of the data in dir; for new data the user postgres where there is one, else
// nobody. It is nil for any other user.
func serverUser(dir string) (*credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	if info, err := os.Stat(dir); err == nil {
		if of, known := owner(info); known && of.uid != 0 {
			return &of, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if uidErr == nil && gidErr == nil {
			return &credential{uid: uint32(uid), gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody to run it as")
}

// postgresDir returns the directory for a server's data: dir itself, or a stand-in when this process
// is root's and no other user can reach dir. Once the stand-in exists it is used for ever.
func postgresDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil || os.Geteuid() != 0 {
		return dir, err
	}
	sum := sha256.Sum256([]byte(dir))
	standIn := filepath.Join(relocated, "sluice-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Lstat(standIn); err != nil && reachable(dir) {
		return dir, nil
	}
	return filepath.Join(standIn, "postgres"), checkStandIn(standIn)
}

// reachable reports whether every existing parent of dir lets other users pass; those missing will
// be created so.
func reachable(dir string) bool {
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err == nil && info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if parent == filepath.Dir(parent) {
			return true
		}
	}
}

// makeOwn creates dir for the server's user alone, with parents that it can pass.
func makeOwn(dir string, runAs *credential) error {
	if runAs == nil {
		return os.MkdirAll(dir, 0o700)
	}
	if err := makePassable(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return os.Chown(dir, int(runAs.uid), int(runAs.gid))
}

// makePassable creates the missing ones of dir and its parents with mode 0755, whatever the umask.
func makePassable(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makePassable(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// checkStandIn creates the stand-in. Anybody may create names in /var/tmp, so one that is there
// must be root's own directory, writable by nobody else.
func checkStandIn(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
		if err := makePassable(dir); err != nil {
			return err
		}
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	of, known := owner(info)
	if !info.IsDir() || !known || of.uid != 0 || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s exists and is not a directory of root's alone, so the database is not put there; remove it", dir)
	}
	return nil
}
