package devstack

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ScratchDir creates a directory for as long as this process lives, below the system's temporary
// directory and passable for other users, which a server with lowered rights needs. The caller
// removes it; what a process left that was killed before it could is removed here.
func ScratchDir(name string) (string, error) {
	me, err := thisProcess()
	if err != nil {
		return "", err
	}
	prefix := filepath.Join(os.TempDir(), name+"-")
	abandoned, _ := filepath.Glob(prefix + "*")
	for _, dir := range abandoned {
		if id, ok := parseScratch(strings.TrimPrefix(dir, prefix)); ok && !id.alive() {
			_ = os.RemoveAll(dir) // another user's stays
		}
	}
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s-%d-%s-*", name, me.PID, startToken(me.Start)))
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// startToken is a start time as a part of a file name.
func startToken(start string) string { return strings.Map(fileNameRune, start) }

func fileNameRune(r rune) rune {
	if r == ' ' || r == '-' || r == '/' || r == ':' || r == '*' {
		return '_'
	}
	return r
}

// parseScratch reads "<pid>-<start>-<random>".
func parseScratch(text string) (scratchOwner, bool) {
	parts := strings.Split(text, "-")
	if len(parts) != 3 {
		return scratchOwner{}, false
	}
	pid, err := strconv.Atoi(parts[0])
	return scratchOwner{pid: pid, start: parts[1]}, err == nil
}

type scratchOwner struct {
	pid   int
	start string
}

func (o scratchOwner) alive() bool {
	start, err := processStart(o.pid)
	return err == nil && startToken(start) == o.start
}
