//go:build unix

package devstack

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// stackOptions describes a whole stack with a worker that does nothing.
func stackOptions(stateDir string) (Options, error) {
	root, err := FindRoot(".")
	return Options{
		StateDir:       stateDir,
		TemporalBinary: TemporalBinaryOptions{Root: root},
		WorkerBinary:   "/bin/sleep",
		WorkerArgs:     []string{"1000"},
	}, err
}

func up(t *testing.T, change func(*Options)) *Stack {
	t.Helper()
	opts, err := stackOptions(filepath.Join(scratchDir(t), "state"))
	require.NoError(t, err)
	if change != nil {
		change(&opts)
	}
	stack, err := Up(bounded(t), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stack.Down()) })
	return stack
}

func TestEachPartOfAStackThatIsKilledComesBackWithItsData(t *testing.T) {
	t.Parallel()
	stack := up(t, func(o *Options) { o.Headless = true })
	at := stack.Endpoints()
	execute(t, at.DatabaseURL, "CREATE TABLE kept AS SELECT 7 AS n")
	_, err := dial(t, at.TemporalAddress).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "kept", TaskQueue: "q"}, "Any")
	require.NoError(t, err)

	for name, part := range map[string]func() *Process{
		"PostgreSQL": stack.Postgres().Process,
		"Temporal":   stack.Temporal().Process,
		"worker":     stack.Worker,
	} {
		killed := part()
		killGroup(killed.PID())
		require.Eventually(t, func() bool { return part() != killed }, time.Minute, 10*time.Millisecond, "%s did not come back", name)
	}
	require.Equal(t, at, stack.Endpoints())
	require.Equal(t, 7, query[int](t, at.DatabaseURL, "SELECT n FROM kept"))
	_, err = dial(t, at.TemporalAddress).DescribeWorkflowExecution(t.Context(), "kept", "")
	require.NoError(t, err)
}

func TestAStackSaysWhereItIsAndThatItIsGone(t *testing.T) {
	t.Parallel()
	stack := up(t, nil)
	dir := stack.opts.StateDir
	at, err := ReadEndpoints(dir)
	require.NoError(t, err)
	require.Equal(t, stack.Endpoints(), at)
	require.NotEmpty(t, at.UIURL)
	info, err := os.Stat(filepath.Join(dir, endpointsFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "the file holds the database's password")

	_, err = Up(bounded(t), stack.opts)
	require.ErrorIs(t, err, ErrAlreadyRunning)
	require.ErrorContains(t, err, fmt.Sprintf("process %d has them", os.Getpid()))
	require.ErrorContains(t, err, at.TemporalAddress)
	require.NotContains(t, err.Error(), stack.Postgres().password)
	_, err = ReadEndpoints(dir)
	require.NoError(t, err, "the refused start disturbed the running stack")

	pids := []int{stack.Postgres().PID(), stack.Temporal().PID(), stack.Worker().PID()}
	require.NoError(t, stack.Down())
	for _, pid := range pids {
		gone(t, pid)
	}
	_, err = ReadEndpoints(dir)
	require.ErrorIs(t, err, ErrNotRunning)
}

func TestNothingIsLeftWhenTheOwnerOfAStackIsKilledAndTheNextStartGoesOn(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends the children of a killed process")
	}
	dir := filepath.Join(scratchDir(t), "state")
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentMode+"="+dir)
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	t.Cleanup(func() { _ = parent.Process.Kill(); _ = parent.Wait() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err)
	var children []int
	require.NoError(t, json.Unmarshal(line, &children))
	require.Len(t, children, 3)
	at, err := ReadEndpoints(dir)
	require.NoError(t, err)
	execute(t, at.DatabaseURL, "CREATE TABLE kept AS SELECT 7 AS n")

	require.NoError(t, parent.Process.Kill())
	for _, pid := range children {
		gone(t, pid)
	}
	_, err = ReadEndpoints(dir)
	require.ErrorIs(t, err, ErrNotRunning)
	require.ErrorContains(t, err, "is gone", "the file of the dead stack was believed")

	stack := up(t, func(o *Options) { o.StateDir = dir })
	require.Equal(t, 7, query[int](t, stack.Endpoints().DatabaseURL, "SELECT n FROM kept"))
}

// runParent is the process that the test above kills.
func runParent(dir string) {
	opts, err := stackOptions(dir)
	if err == nil {
		var stack *Stack
		if stack, err = Up(context.Background(), opts); err == nil {
			pids, _ := json.Marshal([]int{stack.Postgres().PID(), stack.Temporal().PID(), stack.Worker().PID()})
			fmt.Println(string(pids))
			stack.Wait(context.Background())
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestServersOfOnesOwnAreUsedInsteadOfChildren(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, filepath.Join(scratchDir(t), "pg"))
	migrated := ""
	stack := up(t, func(o *Options) {
		o.DatabaseURL, o.TemporalAddress = pg.URL(), "temporal.example:7233"
		o.WorkerBinary = ""
		o.AfterPostgres = func(_ context.Context, databaseURL string) error { migrated = databaseURL; return nil }
	})
	require.Nil(t, stack.Postgres())
	require.Nil(t, stack.Temporal())
	require.Nil(t, stack.Worker())
	require.Equal(t, Endpoints{DatabaseURL: pg.URL(), TemporalAddress: "temporal.example:7233", Namespace: "default"}, stack.Endpoints())
	require.Equal(t, pg.URL(), migrated)
}

func TestAnUnreachableDatabaseIsNamedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	port, err := freePort()
	require.NoError(t, err)
	_, err = Up(bounded(t), Options{StateDir: t.TempDir(), DatabaseURL: fmt.Sprintf("postgres://me:hidden@127.0.0.1:%d/x", port)})
	require.ErrorContains(t, err, fmt.Sprintf("127.0.0.1:%d", port))
	require.ErrorContains(t, err, "SLUICE_DATABASE_URL")
	require.NotContains(t, err.Error(), "hidden")
}

func TestAFailedStepStopsWhatWasStartedBefore(t *testing.T) {
	t.Parallel()
	opts, err := stackOptions(filepath.Join(scratchDir(t), "state"))
	require.NoError(t, err)
	refused := errors.New("migration refused")
	opts.AfterPostgres = func(context.Context, string) error { return refused }
	_, err = Up(bounded(t), opts)
	require.ErrorIs(t, err, refused)
	records, err := filepath.Glob(filepath.Join(opts.StateDir, "run", "*.pid"))
	require.NoError(t, err)
	require.Empty(t, records)
	require.NoFileExists(t, filepath.Join(opts.StateDir, "postgres", "data", "postmaster.pid"))
}

func TestTheWorkerIsToldWhereEverythingIs(t *testing.T) {
	t.Parallel()
	told := filepath.Join(scratchDir(t), "told")
	pg := startPostgres(t, filepath.Join(scratchDir(t), "pg"))
	stack := up(t, func(o *Options) {
		o.DatabaseURL, o.TemporalAddress = pg.URL(), "temporal.example:7233"
		o.WorkerBinary = writeScript(t, "worker", `echo "$SLUICE_DATABASE_URL $TEMPORAL_ADDRESS $TEMPORAL_NAMESPACE $LIMIT" > `+told+`.new; mv `+told+`.new `+told+`; exec sleep 1000`)
		o.WorkerArgs, o.WorkerEnv = nil, []string{"LIMIT=7"}
	})
	require.Eventually(t, func() bool { _, err := os.Stat(told); return err == nil }, 10*time.Second, 10*time.Millisecond)
	text, err := os.ReadFile(told)
	require.NoError(t, err)
	require.Equal(t, stack.Endpoints().DatabaseURL+" temporal.example:7233 default 7\n", string(text))
}
