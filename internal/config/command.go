package config

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const (
	commandBound  = 30 * time.Second
	commandOutput = 64 << 10 // bytes
)

// output runs a command line without a shell and returns what it prints. An
// error names the program, but neither its arguments nor anything it printed:
// these may be secret.
func output(env Environment, line string) (string, error) {
	words, err := splitCommand(line)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandBound)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env = env.Environ()
	cmd.WaitDelay = time.Second // a child of its own may keep the pipe open
	printed := &boundedBuffer{}
	cmd.Stdout = printed
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s did not end within %s", words[0], commandBound)
	case printed.full:
		return "", fmt.Errorf("%s printed more than %d bytes, which is no key", words[0], commandOutput)
	case errors.As(err, &exit):
		return "", fmt.Errorf("%s ended with %s: run the command by hand to see what it says", words[0], exit.ProcessState)
	case err != nil:
		if reason := errors.Unwrap(err); reason != nil { // without the path
			err = reason
		}
		// Not wrapped: that a program is missing is not that a key is.
		return "", fmt.Errorf("%s cannot be run: %v", words[0], err)
	}
	return string(printed.text), nil
}

// boundedBuffer takes no more than commandOutput.
type boundedBuffer struct {
	text []byte
	full bool
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if len(b.text)+len(p) > commandOutput {
		b.full = true
		return 0, errors.New("too much output")
	}
	b.text = append(b.text, p...)
	return len(p), nil
}

// splitCommand splits a command line into words as a shell does: at white space
// outside of quotes, where a backslash takes the next character as it is. What
// a shell would do beyond that is refused rather than taken literally.
func splitCommand(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	begun, escaped, quote := false, false, rune(0)
	for _, r := range line {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("\"\\$`", r) {
				word.WriteRune('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			begun, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == '\'':
			word.WriteRune(r)
		case strings.ContainsRune("$`", r), quote == 0 && strings.ContainsRune("|&;<>()", r):
			return nil, fmt.Errorf("no shell runs the command, so %q means nothing: put it into single quotes, or run sh -c '...'", r)
		case quote == '"':
			word.WriteRune(r)
		case r == '\'' || r == '"':
			begun, quote = true, r
		case strings.ContainsRune(" \t\r\n", r):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("the command ends inside quotes or after a backslash")
	}
	if begun {
		words = append(words, word.String())
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("the command names no program")
	}
	return words, nil
}
