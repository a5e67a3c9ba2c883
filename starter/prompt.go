package main

import (
	"bufio"
	"context"
	"fmt"

	"golang.org/x/term"
)

// askUnseen asks for a line that is not shown while it is typed.
func (a *app) askUnseen(ctx context.Context, fd int, question string) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(a.err, question)
	text, err := interruptibly(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	fmt.Fprintln(a.err)
	if ctx.Err() != nil { // the one who reads has not put it back
		_ = term.Restore(fd, before)
	}
	return string(text), err
}

// askLine asks for a line.
func (a *app) askLine(ctx context.Context, question string) (string, error) {
	fmt.Fprint(a.err, harmless(question))
	line, err := interruptibly(ctx, func() (string, error) { return bufio.NewReader(a.in).ReadString('\n') })
	if ctx.Err() != nil {
		fmt.Fprintln(a.err)
	}
	return line, err
}

// interruptibly waits for what read brings, or for Ctrl-C, which a read from a
// terminal does not hear of. The reader is left behind; the process ends.
func interruptibly[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, errInterrupted
	}
}
