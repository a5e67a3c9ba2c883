//go:build unix

package devstack

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// startSleeper starts a process that is nobody's child of this package, as one left by a dead parent.
func startSleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	require.NoError(t, cmd.Start())
	waited := make(chan struct{})
	go func() { defer close(waited); _ = cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-waited })
	return cmd
}

func TestWhatAnEarlierStartLeftIsEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	left := startSleeper(t)
	require.NoError(t, recordProcess(filepath.Join(dir, "postgres.pid"), left.Process.Pid))

	require.NoError(t, endRecorded(dir, time.Second))
	gone(t, left.Process.Pid)
	require.NoFileExists(t, filepath.Join(dir, "postgres.pid"))
}

func TestWhatIgnoresTheRequestToStopIsKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stubborn := exec.Command("sh", "-c", "trap '' INT TERM; echo ready; while :; do sleep 1000; done")
	out, err := stubborn.StdoutPipe()
	require.NoError(t, err)
	stubborn.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, stubborn.Start())
	_, err = out.Read(make([]byte, 6))
	require.NoError(t, err)
	go func() { _ = stubborn.Wait() }()
	t.Cleanup(func() { killGroup(stubborn.Process.Pid) })
	require.NoError(t, recordProcess(filepath.Join(dir, "temporal.pid"), stubborn.Process.Pid))

	require.NoError(t, endRecorded(dir, 50*time.Millisecond))
	gone(t, stubborn.Process.Pid)
}

func TestAProcessThatOnlyGotARecordedIdIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := startSleeper(t)
	record := filepath.Join(dir, "postgres.pid")
	require.NoError(t, writeJSON(record, processID{PID: other.Process.Pid, Start: "1"}))

	require.NoError(t, endRecorded(dir, time.Second))
	_, err := processStart(other.Process.Pid)
	require.NoError(t, err, "a stranger was ended")
	require.NoFileExists(t, record)
}

func TestAChildIsRecordedWhileItRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := startProcess(child{name: "sleeper", cmd: exec.Command("sleep", "1000"), recordDir: dir})
	require.NoError(t, err)
	var id processID
	require.NoError(t, readJSON(filepath.Join(dir, "sleeper.pid"), &id))
	require.Equal(t, p.PID(), id.PID)
	require.True(t, id.alive())

	p.Kill()
	require.NoFileExists(t, filepath.Join(dir, "sleeper.pid"))
	require.False(t, id.alive())
	require.Error(t, p.Err())
}

// sleeping is a supervised child that counts its starts; the starts in fail are refused.
func sleeping(starts *atomic.Int64, fail ...int64) func(context.Context) (*Process, error) {
	return func(context.Context) (*Process, error) {
		n := starts.Add(1)
		for _, f := range fail {
			if n == f {
				return nil, errors.New("refused")
			}
		}
		return startProcess(child{name: "sleeper", cmd: exec.Command("sleep", "1000")})
	}
}

func TestASupervisedChildThatDiesIsStartedAgain(t *testing.T) {
	t.Parallel()
	var starts atomic.Int64
	s, err := Supervise(t.Context(), zap.NewNop(), "sleeper", sleeping(&starts, 2))
	require.NoError(t, err)
	first := s.Process()
	killGroup(first.PID())
	require.Eventually(t, func() bool { return s.Process() != first }, 10*time.Second, 10*time.Millisecond)
	require.EqualValues(t, 3, starts.Load(), "the refused start is tried again")

	s.Stop()
	last := s.Process()
	last.Kill()
	require.EqualValues(t, 3, starts.Load(), "a stopped supervisor starts nothing")
}

func TestTheFirstStartOfASupervisedChildIsTheCallersToJudge(t *testing.T) {
	t.Parallel()
	var starts atomic.Int64
	_, err := Supervise(t.Context(), zap.NewNop(), "sleeper", sleeping(&starts, 1))
	require.ErrorContains(t, err, "refused")
	require.EqualValues(t, 1, starts.Load())
}
