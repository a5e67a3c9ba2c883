package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Everything here is read from Linux's /proc (proc(5)).

// tick is the unit of CPU times in /proc: USER_HZ is 100 everywhere.
const tick = 10 * time.Millisecond

// cpu is CPU time used so far.
type cpu struct {
	of      map[string]time.Duration
	machine time.Duration // by everything together
	bench   time.Duration
}

// readCPU reads the CPU time of processes and their children, living or dead.
func readCPU(pids map[string]int) (cpu, error) {
	machine, err := machineCPU()
	if err != nil {
		return cpu{}, err
	}
	all, err := processTable()
	if err != nil {
		return cpu{}, err
	}
	c := cpu{of: make(map[string]time.Duration), machine: machine, bench: all[os.Getpid()].own}
	for name, pid := range pids {
		if _, ok := all[pid]; !ok {
			return c, fmt.Errorf("the process of %s (%d) is gone", name, pid)
		}
		c.of[name] = all.withChildren(pid)
	}
	return c, nil
}

// since returns the seconds used since before, with an entry for the others.
func (c cpu) since(before cpu) map[string]float64 {
	seconds := make(map[string]float64, len(c.of)+1)
	others := c.machine - before.machine - (c.bench - before.bench)
	for name := range c.of {
		used := c.of[name] - before.of[name]
		seconds[name] = used.Seconds()
		others -= used
	}
	seconds["others"] = max(0, others.Seconds())
	return seconds
}

type process struct {
	parent int
	own    time.Duration
	waited time.Duration // by children that have ended and been waited for
}

type processes map[int]process

func processTable() (processes, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("processes cannot be looked at: the bench needs Linux's /proc")
	}
	all := make(processes, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		// The command, in brackets, may hold blanks and brackets itself.
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		const parent, user, system, waitedUser, waitedSystem = 1, 11, 12, 13, 14 // fields 4, 14 to 17
		if len(fields) <= waitedSystem {
			continue
		}
		number := func(i int) time.Duration {
			n, _ := strconv.ParseInt(string(fields[i]), 10, 64)
			return time.Duration(n)
		}
		all[pid] = process{
			parent: int(number(parent)),
			own:    (number(user) + number(system)) * tick,
			waited: (number(waitedUser) + number(waitedSystem)) * tick,
		}
	}
	return all, nil
}

func (all processes) withChildren(pid int) time.Duration {
	sum := all[pid].own + all[pid].waited
	for child, p := range all {
		if p.parent == pid {
			sum += all.withChildren(child)
		}
	}
	return sum
}

// machineCPU is the time that all CPUs were busy.
func machineCPU() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	const user, idle, iowait, steal = 1, 4, 5, 8
	var busy time.Duration
	for i, field := range bytes.Fields(first) {
		if i >= user && i <= steal && i != idle && i != iowait {
			n, _ := strconv.ParseInt(string(field), 10, 64)
			busy += time.Duration(n) * tick
		}
	}
	return busy, nil
}

// forgetPeak begins the process's peak of memory anew.
func forgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// peakMB is the peak of a process's resident set.
func peakMB(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kib, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(value), []byte("kB")))), 10, 64)
			return float64(kib) * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("process %d does not show its peak of memory", pid)
}
