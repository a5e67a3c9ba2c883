package devstack

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// errLocked says that another process holds a lock file.
var errLocked = errors.New("locked by another process")

// processID names one process for ever: process ids are used again, start times with them are not.
type processID struct {
	PID   int    `json:"pid"`
	Start string `json:"start"`
}

// thisProcess returns the id of the calling process.
func thisProcess() (processID, error) { return identify(os.Getpid()) }

func identify(pid int) (processID, error) {
	start, err := processStart(pid)
	if err != nil {
		return processID{}, fmt.Errorf("cannot tell when process %d started: %w", pid, err)
	}
	return processID{PID: pid, Start: start}, nil
}

// alive reports whether that very process still runs.
func (id processID) alive() bool {
	start, err := processStart(id.PID)
	return id.PID > 1 && err == nil && start == id.Start
}

// recordProcess writes which process was started, so that the next start can end it.
func recordProcess(file string, pid int) error {
	id, err := identify(pid)
	if err != nil {
		return err
	}
	return writeJSON(file, id)
}

// endRecorded ends the processes recorded in dir that still run: children of an earlier start whose
// parent died without stopping them. A process that merely got the id of one of them is left alone.
func endRecorded(dir string, grace time.Duration) error {
	records, err := filepath.Glob(filepath.Join(dir, "*.pid"))
	if err != nil {
		return err
	}
	for _, record := range records {
		var id processID
		if err := readJSON(record, &id); err != nil {
			return fmt.Errorf("cannot read which process an earlier start left: %w", err)
		}
		if err := id.end(grace); err != nil {
			name := strings.TrimSuffix(filepath.Base(record), ".pid")
			return fmt.Errorf("cannot end %s (pid %d), left by an earlier start: %w", name, id.PID, err)
		}
		if err := os.Remove(record); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// end asks the process to stop, kills it when it has not after grace, and waits until it is gone.
func (id processID) end(grace time.Duration) error {
	if !id.alive() {
		return nil
	}
	if err := signalProcess(id.PID, stopFast); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	killAt := time.Now().Add(grace)
	giveUpAt := killAt.Add(10 * time.Second)
	for id.alive() {
		switch now := <-tick.C; {
		case now.After(giveUpAt):
			return errors.New("it does not end even when killed")
		case now.After(killAt):
			if err := signalProcess(id.PID, os.Kill); err != nil && id.alive() {
				return err
			}
		}
	}
	return nil
}

// writeJSON replaces a file, readable by its owner only, in one step.
func writeJSON(file string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	unfinished := file + ".new"
	if err := os.WriteFile(unfinished, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, file)
}

func readJSON(file string, v any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s is damaged (delete it): %w", file, err)
	}
	return nil
}

// lastLines returns the last n lines of text, each indented by two blanks.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return "  " + strings.Join(lines, "\n  ")
}
