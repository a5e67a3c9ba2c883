package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"sluice/internal/declare"
	"sluice/internal/transform"
)

// helpBelow begins what the editor shows below a map and does not keep.
const helpBelow = "# ---- What stands below this line is help, and is not kept. ----"

// editor is the person's editor, as a command line for a shell.
func (a *app) editor() (string, error) {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if line, _ := a.env.LookupEnv(name); strings.TrimSpace(line) != "" {
			return line, nil
		}
	}
	if _, ok := isTerminal(a.in); ok {
		if _, err := exec.LookPath("vi"); err == nil {
			return "vi", nil
		}
	}
	return "", fmt.Errorf("it is not known which editor to open: set VISUAL or EDITOR, or write the map to a file and read that ('%s')", a.command("maps import FILE"))
}

// editMap lets a person change a map in an editor until save takes it, or they
// give up. When nothing was changed, edited is false. A text that was changed
// and could not be saved is never lost: its file stays, and is named.
func (a *app) editMap(ctx context.Context, name, text, help string, save func(text []byte, file string) error) (edited bool, err error) {
	editor, err := a.editor()
	if err != nil {
		return false, err
	}
	file, err := writeDraft(name, text+"\n"+helpBelow+"\n"+help)
	if err != nil {
		return false, fmt.Errorf("write the map to a file for the editor: %w", err)
	}
	for {
		a.note("editing map %s in %s", name, file)
		failed := a.runEditor(editor, file)
		_, now, err := a.readMapFile(file)
		if err != nil {
			return false, err
		}
		now = withoutHelp(now)
		if strings.TrimRight(string(now), "\r\n") == strings.TrimRight(text, "\r\n") {
			_ = os.Remove(file)
			return false, failed
		}
		if ctx.Err() != nil {
			return false, a.kept(name, file, now, errInterrupted)
		}
		if failed == nil {
			failed = save(now, file)
		}
		if failed == nil {
			_ = os.Remove(file)
			return true, nil
		}
		again, err := a.editAgain(ctx, failed)
		if err != nil {
			return false, a.kept(name, file, now, err)
		}
		if !again {
			return false, a.kept(name, file, now, errors.New("the map was not saved"))
		}
	}
}

// editAgain tells what was wrong and asks whether to edit again. Where nobody
// can be asked, it returns the error.
func (a *app) editAgain(ctx context.Context, failed error) (bool, error) {
	if _, ok := isTerminal(a.in); !ok {
		return false, failed
	}
	a.note("%s", readable(failed))
	answer, err := a.askLine(ctx, "Edit it again? [Y/n] ")
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return err == nil && !strings.HasPrefix(answer, "n"), nil
}

// kept is an error that says where a text is that could not be saved.
func (a *app) kept(name, file string, text []byte, err error) error {
	// Without the help, the file is what 'maps import' reads.
	if written := os.WriteFile(file, text, 0o600); written != nil {
		a.note("the help at the end of %s could not be taken out: %v", file, written)
	}
	return fmt.Errorf("%w\nyour text is in %s: '%s' saves it, when it is right", err, file, a.command("maps import "+shellWord(file)+" --name "+name))
}

// writeDraft writes a text to a file that only its owner can read.
func writeDraft(name, text string) (path string, err error) {
	f, err := os.CreateTemp("", "sluice-map-"+name+"-*.yaml") // with mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	return f.Name(), errors.Join(err, f.Close())
}

// runEditor opens a file in the editor and waits for its end.
func (a *app) runEditor(editor, file string) error {
	// As git does: the editor may have arguments, and quotes in them. It is not
	// stopped by Ctrl-C, which is for the editor to hear.
	cmd := exec.Command("sh", "-c", editor+` "$@"`, editor, file)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.in, a.err, a.err
	if _, ok := isTerminal(a.out); ok {
		cmd.Stdout = a.out
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the editor (%s) ended with an error: %w", editor, err)
	}
	return nil
}

// withoutHelp is a text up to the line that begins the help.
func withoutHelp(text []byte) []byte {
	if at := bytes.Index(text, []byte(helpBelow)); at >= 0 {
		text = text[:at]
		text = append(bytes.TrimRight(text, "\r\n"), '\n')
	}
	return text
}

// mapHelp lists the fields that a map from one model to another can name.
func mapHelp(source, target *transform.Model, class string) string {
	var b strings.Builder
	list := func(m *transform.Model, what, star string) {
		fmt.Fprintf(&b, "#\n# %s (%s), %s:\n", m.Name, what, star)
		for _, f := range m.Fields {
			if f.Class != "" && f.Class != class {
				continue
			}
			mark := " "
			if f.Required {
				mark = "*"
			}
			fmt.Fprintf(&b, "# %s %-45s %-9s %s\n", mark, f.Path, f.Type, cut(strings.Join(strings.Fields(f.Description), " "), 70))
		}
	}
	list(source, `what a row's "from" and "expr" can name`, "* every record has it")
	list(target, `what a row's "to" can name`, "* has to be filled")
	return b.String()
}

// maxMapFile bounds the file of a map, in bytes.
const maxMapFile = declare.MaxFile

// readMapFile reads a file, or standard input (-), that holds a map.
func (a *app) readMapFile(path string) (name string, data []byte, err error) {
	in, name := a.in, "standard input"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return path, nil, fmt.Errorf("read the map: %w", err)
		}
		defer f.Close()
		in, name = f, path
	}
	data, err = io.ReadAll(io.LimitReader(in, maxMapFile+1))
	switch {
	case err != nil:
		return name, nil, fmt.Errorf("read the map: %w", err)
	case len(data) > maxMapFile:
		return name, nil, fmt.Errorf("%s is larger than %d bytes: that is no map", name, maxMapFile)
	}
	return name, data, nil
}
