package devstack

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

func setChildAttributes(cmd *exec.Cmd, runAs *credential) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if runAs != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: runAs.uid, Gid: runAs.gid}
	}
}

// processStart returns when the process was started, in clock ticks since boot: together with the
// id it names one process for ever. It is an error when there is no such process or it is a zombie.
func processStart(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The second field is the command in brackets and may itself hold blanks and brackets.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const state, startTime = 0, 19 // fields 3 and 22 of proc(5)
	if len(fields) <= startTime {
		return "", fmt.Errorf("/proc/%d/stat is shorter than expected", pid)
	}
	if s := fields[state][0]; s == 'Z' || s == 'X' {
		return "", os.ErrProcessDone
	}
	return string(fields[startTime]), nil
}

// listens reports whether a process of the group holds the socket that listens on the port of
// 127.0.0.1. Another server that was faster to take the port must not be taken for ours.
func listens(group, port int) bool {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return true // hidden from us: nothing speaks against it
	}
	local := fmt.Sprintf("0100007F:%04X", port)
	for line := range bytes.Lines(table) {
		fields := bytes.Fields(line)
		const address, state, inode = 1, 3, 9 // of proc_net_tcp(5)
		const listening = "0A"
		if len(fields) > inode && string(fields[address]) == local && string(fields[state]) == listening {
			return groupHolds(group, "socket:["+string(fields[inode])+"]")
		}
	}
	return false
}

// groupHolds reports whether a process of the group has the file open.
func groupHolds(group int, file string) bool {
	dirs, _ := filepath.Glob("/proc/[0-9]*/fd")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if err != nil {
			continue
		}
		if of, err := syscall.Getpgid(pid); err != nil || of != group {
			continue
		}
		files, _ := os.ReadDir(dir)
		for _, f := range files {
			if target, err := os.Readlink(filepath.Join(dir, f.Name())); err == nil && target == file {
				return true
			}
		}
	}
	return false
}

// clearDeadServer ends what is left of a server whose postmaster died: its backends, which notice
// that only when they next wait for their client, and its lock file. As long as they are there
// PostgreSQL refuses to start again on its data. It leaves a living server alone.
func clearDeadServer(dataDir string) {
	if postmasterAlive(dataDir) {
		return // another process's server on the same data: ours will say so when it starts
	}
	for range 100 {
		orphans := serverProcesses(dataDir)
		if len(orphans) == 0 {
			// PostgreSQL would refuse to start when the id in the file is that of a zombie, or by
			// now that of another process.
			_ = os.Remove(postmasterFile(dataDir))
			return
		}
		for _, pid := range orphans {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// postmasterFile is where a postmaster notes its process id.
func postmasterFile(dataDir string) string { return filepath.Join(dataDir, "postmaster.pid") }

// postmasterAlive reports whether the postmaster named in the data directory still runs on it.
func postmasterAlive(dataDir string) bool {
	text, err := os.ReadFile(postmasterFile(dataDir))
	if err != nil {
		return false
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	pid, err := strconv.Atoi(string(first))
	return err == nil && slices.Contains(serverProcesses(dataDir), pid)
}

// serverProcesses lists the PostgreSQL processes that work on the data directory, which is the
// working directory of each of them.
func serverProcesses(dataDir string) []int {
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if cwd, err := os.Readlink(link); err != nil || cwd != dataDir {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err != nil {
			continue
		}
		if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); bytes.HasPrefix(name, []byte("postgres")) {
			pids = append(pids, pid)
		}
	}
	return pids
}
