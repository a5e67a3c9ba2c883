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

	"sluice/internal/transform"
)

// helpBelow begins what the editor shows below a map.
const helpBelow = "# ---- The lines below are help, and are not kept; what you write there is. ----"

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

// An edit is a map that a person changes in an editor.
type edit struct {
	name, text, help string
	// save checks a text and stores it. The file is only named in messages.
	save func(text []byte, file string) error
	// advise says what to do with a file that has a text that was not saved.
	advise func(file string) string
}

// inEditor lets a person change a map in an editor until it is saved, or they
// give up. When nothing was changed, edited is false. A text that was changed
// and could not be saved is never lost: its file stays, and is named.
func (a *app) inEditor(ctx context.Context, e edit) (edited bool, err error) {
	editor, err := a.editor()
	if err != nil {
		return false, err
	}
	help := helpBelow + "\n" + e.help
	file, err := writeDraft(e.name, e.text+"\n"+help)
	if err != nil {
		return false, fmt.Errorf("write the map to a file for the editor: %w", err)
	}
	for {
		a.note("editing map %s in %s", e.name, file)
		failed := a.runEditor(editor, file)
		_, written, err := a.readMapFile(file)
		if err != nil {
			return false, err
		}
		now := withoutHelp(written, help)
		if strings.TrimRight(string(now), "\r\n") == strings.TrimRight(e.text, "\r\n") {
			_ = os.Remove(file)
			return false, failed
		}
		if ctx.Err() != nil {
			return false, a.kept(e, file, now, errInterrupted)
		}
		if failed == nil {
			failed = e.save(now, file)
		}
		if failed == nil {
			_ = os.Remove(file)
			return true, nil
		}
		again, err := a.editAgain(ctx, failed)
		if err != nil {
			return false, a.kept(e, file, now, err)
		}
		if !again {
			return false, a.kept(e, file, now, errors.New("the map was not saved"))
		}
		// What was written below the help is above it now, in the lines that
		// the messages name.
		if err := os.WriteFile(file, append(now, "\n"+help...), 0o600); err != nil {
			return false, fmt.Errorf("write the map to %s for the editor: %w", file, err)
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
func (a *app) kept(e edit, file string, text []byte, err error) error {
	// Without the help, the file is what 'maps import' reads.
	if written := os.WriteFile(file, text, 0o600); written != nil {
		a.note("the help at the end of %s could not be taken out: %v", file, written)
	}
	return fmt.Errorf("%w\nyour text is in %s: %s", err, file, e.advise(file))
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

// withoutHelp is a text without the lines of the help that was below it. Other
// lines that stand there were written by a person.
func withoutHelp(text []byte, help string) []byte {
	above, below, found := bytes.Cut(text, []byte(helpBelow))
	if !found {
		return text
	}
	shown := make(map[string]int) // lines, and how often
	for line := range strings.Lines(strings.TrimPrefix(help, helpBelow)) {
		shown[strings.TrimSpace(line)]++
	}
	var own []byte
	for line := range bytes.Lines(below) {
		if known := string(bytes.TrimSpace(line)); shown[known] > 0 {
			shown[known]--
		} else {
			own = append(own, line...)
		}
	}
	kept := append(bytes.TrimRight(above, "\r\n"), '\n')
	if own = bytes.Trim(own, "\r\n"); len(own) > 0 {
		kept = append(append(kept, own...), '\n')
	}
	return kept
}

// mapHelp says what a map from one model to another can name.
func mapHelp(source, target *transform.Model, class string) string {
	var b strings.Builder
	b.WriteString("#\n" +
		"# A row takes a field by its path (from: name), or computes a value (expr), and\n" +
		"# fills a field of the inventory (to). An expression is CEL, and best in quotes:\n" +
		"# expr: \"record.name + '!'\". It reads a field as record.FIELD, one that may be\n" +
		"# absent as record.?FIELD.orValue(''), and a name with other signs than letters,\n" +
		"# digits and _ in backticks: record.`host-nr`. 'sluice mapping' says more.\n")
	if source.Records != transform.RecordsAreFindings {
		b.WriteString("# In rows that fill a finding, and in whenFindings, what is below findings[] is\n" +
			"# finding.FIELD: findings[].severity is finding.severity there.\n")
	}
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
			line := fmt.Sprintf("# %s %-45s %-9s %s", mark, f.Path, f.Type, cut(strings.Join(strings.Fields(f.Description), " "), 70))
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	list(source, `what a row's "from" names`, "* every record has it")
	list(target, `what a row's "to" names`, "* has to be filled")
	return b.String()
}
