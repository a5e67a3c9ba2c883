//go:build unix

package secret

import (
	"os"
	"syscall"
)

// keepOwner gives a new file the owner, group and mode of the one that it is to
// replace.
func keepOwner(f *os.File, of os.FileInfo) error {
	if stat, ok := of.Sys().(*syscall.Stat_t); ok {
		if err := f.Chown(int(stat.Uid), int(stat.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(of.Mode().Perm())
}
