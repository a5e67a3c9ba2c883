//go:build unix

package devstack

import (
	"errors"
	"os"
	"syscall"
)

var (
	// stopCleanly asks a Temporal server or a worker to finish and end.
	stopCleanly os.Signal = syscall.SIGTERM
	// stopFast asks any of the servers to end; PostgreSQL, which on SIGTERM would wait until every
	// client has gone, disconnects them.
	stopFast os.Signal = syscall.SIGINT
)

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

func signalProcess(pid int, signal os.Signal) error {
	return syscall.Kill(pid, signal.(syscall.Signal))
}

// lockFile takes an exclusive lock on an open file, which ends with the process at the latest. A
// lock held elsewhere is errLocked.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

// owner returns whom a file belongs to.
func owner(info os.FileInfo) (credential, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return credential{}, false
	}
	return credential{uid: stat.Uid, gid: stat.Gid}, true
}
