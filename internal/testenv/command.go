package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sync"
	"testing"
)

var commands sync.Map // package -> func() (string, error)

// Command builds a command of this module, such as "sluice/worker", once a
// test process, and returns the path of the binary: for tests that kill it.
func Command(t testing.TB, pkg string) string {
	t.Helper()
	build, _ := commands.LoadOrStore(pkg, sync.OnceValues(func() (string, error) {
		dir, err := scratch()
		if err != nil {
			return "", err
		}
		binary := filepath.Join(dir, "bin", path.Base(pkg))
		if err := os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
			return "", err
		}
		atEnd(func() error { return os.Remove(binary) })
		if out, err := exec.Command("go", "build", "-o", binary, pkg).CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
		return binary, nil
	}))
	return must(t, build.(func() (string, error)))
}
