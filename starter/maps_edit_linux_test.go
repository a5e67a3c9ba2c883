package main

import (
	"context"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAWrongMapCanBeEditedAgainAtATerminal(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok("maps", "import", written(t, "ours.yaml", ownMap))
	person, tty := terminal(t)
	var said sayings
	// The first time it adds a row, the second time it mends it.
	env := editing(t, `if grep -q "from: nam$" "$1"; then sed -i 's/from: nam$/from: name/' "$1"; else `+
		`sed -i '/^rows:/a\  - from: nam\n    to: asset.assetDetail.name' "$1"; fi`)
	maps.Copy(env, h.env)
	code := make(chan int, 1)
	go func() {
		code <- execute(t.Context(), process{program: "sluice", in: tty, out: &said, err: &said, env: env}, []string{"maps", "edit", "ours"})
	}()
	require.Eventually(t, said.has("Edit it again? [Y/n] "), within, every)
	require.Contains(t, said.String(), `did you mean "name"?`)
	_, err := person.WriteString("y\n")
	require.NoError(t, err)
	require.Zero(t, <-code, said.String())
	require.Contains(t, said.String(), "saved map ours@2")
}

func TestCtrlCAtTheQuestionKeepsTheText(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok("maps", "import", written(t, "ours.yaml", ownMap))
	_, tty := terminal(t)
	var said sayings
	env := editing(t, `sed -i 's/from: id/from: idd/' "$1"`)
	maps.Copy(env, h.env)
	ctx, interrupt := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		code <- execute(ctx, process{program: "sluice", in: tty, out: &said, err: &said, env: env}, []string{"maps", "edit", "ours"})
	}()
	require.Eventually(t, said.has("Edit it again? [Y/n] "), within, every)
	interrupt()
	require.Equal(t, exitInterrupted, <-code)
	require.Contains(t, keptIn(t, said.String()), "from: idd")
}
