package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// terminal opens a pseudoterminal: what the person at it has in hand, and what
// a process gets.
func terminal(t *testing.T) (person, process *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = person.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	process, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = process.Close() })
	return person, process
}

func echoes(t *testing.T, tty *os.File) bool {
	t.Helper()
	settings, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	require.NoError(t, err)
	return settings.Lflag&unix.ECHO != 0
}

func TestCtrlCEndsAQuestionAtOnce(t *testing.T) {
	t.Parallel()
	h, _, connector, profile := withProfile(t, smallEstate)
	h.ok("run", profile, "--wait")
	h.ok("profiles", "delete", profile)
	for _, asked := range []struct {
		args           []string
		question, says string
		unseen         bool
	}{
		{[]string{"connectors", "create", "new", "--platform", "US1", "--client-id", "x"}, "it is not shown", "nothing was changed", true},
		{[]string{"connectors", "create", "new", "--platform", "US1", "--username", "x"}, "password (it is not shown)", "nothing was changed", true},
		{[]string{"connectors", "delete", connector}, "Type its name", "nothing was deleted", false},
	} {
		_, tty := terminal(t)
		ctx, interrupt := context.WithCancel(t.Context())
		var said sayings
		code := make(chan int, 1)
		go func() {
			code <- execute(ctx, process{program: "sluice", in: tty, out: &said, err: &said, env: h.env}, asked.args)
		}()
		require.Eventually(t, said.has(asked.question), within, every)
		require.Eventually(t, func() bool { return echoes(t, tty) != asked.unseen }, within, every)
		interrupt()
		require.Equal(t, exitInterrupted, <-code, said.String())
		require.Contains(t, said.String(), "interrupted: "+asked.says)
		require.True(t, echoes(t, tty), "the terminal is as it was")
		require.Len(t, okJSON[[]connectorView](h, "connectors", "list"), 1)
	}
}

func TestASecretThatIsAskedForMayStay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, name := h.withConnector(smallEstate)
	require.Zero(t, h.runWith(t.Context(), user("p"), nil, "connectors", "update", name, "--username", "u").code)
	before := h.stored(name)

	person, tty := terminal(t)
	var said sayings
	code := make(chan int, 1)
	go func() {
		code <- execute(t.Context(), process{program: "sluice", in: tty, out: &said, err: &said, env: h.env}, []string{"connectors", "update", name, "--new-secret"})
	}()
	answer := func(question, text string) {
		require.Eventually(t, said.has(question), within, every)
		require.Eventually(t, func() bool { return !echoes(t, tty) }, within, every)
		_, err := person.WriteString(text + "\n")
		require.NoError(t, err)
	}
	answer("clientSecret (it is not shown; nothing: it stays): ", "")
	answer("password (it is not shown; nothing: it stays): ", "hunter2")
	require.Zero(t, <-code, said.String())
	require.NotContains(t, said.String(), "hunter2")
	after := h.stored(name)
	require.Equal(t, before["clientSecret"], after["clientSecret"])
	require.NotEqual(t, before["password"], after["password"])
}
