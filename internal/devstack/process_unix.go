//go:build unix && !linux

package devstack

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
)

func setChildAttributes(cmd *exec.Cmd, runAs *credential) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if runAs != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: runAs.uid, Gid: runAs.gid}
	}
}

// processStart returns when the process was started, as ps prints it.
func processStart(pid int) (string, error) {
	out, err := exec.Command("ps", "-o", "state=,lstart=", "-p", portString(pid)).Output()
	if err != nil {
		return "", err
	}
	state, start, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if start == "" || strings.HasPrefix(state, "Z") {
		return "", os.ErrProcessDone
	}
	return strings.TrimSpace(start), nil
}

// listens cannot be told here without tools that need not be there.
func listens(int, int) bool { return true }

// clearDeadServer does nothing here: there is no /proc to find a dead postmaster's children by.
// They end by themselves when they next wait for their client.
func clearDeadServer(string) {}
