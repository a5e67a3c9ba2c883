//go:build !unix

package devstack

import (
	"errors"
	"os"
	"os/exec"
)

// The embedded default runs on Linux and macOS. Elsewhere the package compiles, so that the command
// line works against a PostgreSQL and a Temporal of one's own, and Up says so.
var errUnsupported = errors.New("the embedded servers run on Linux and macOS only; " +
	"set SLUICE_DATABASE_URL and TEMPORAL_ADDRESS to servers of your own")

var stopCleanly, stopFast os.Signal = os.Kill, os.Kill

func setChildAttributes(*exec.Cmd, *credential) {}

func processStart(int) (string, error) { return "", errUnsupported }

func listens(int, int) bool { return true }

func clearDeadServer(string) {}

func killGroup(pid int) { _ = signalProcess(pid, os.Kill) }

func signalProcess(pid int, signal os.Signal) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Signal(signal)
}

func lockFile(*os.File) error { return errUnsupported }

func owner(os.FileInfo) (credential, bool) { return credential{}, false }
