package devstack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// coldPackages is how many packages a build compiles when nothing is in Go's build cache.
const coldPackages = 1780

// buildTemporal returns the pinned server of the checkout, building it when there is none yet for
// the sources as they are.
func buildTemporal(ctx context.Context, root string, progress func(string)) (string, error) {
	source := filepath.Join(root, "internal", "devstack", "temporald")
	hash, err := sourceHash(source)
	if err != nil {
		return "", fmt.Errorf("cannot read the sources of the Temporal server: %w", err)
	}
	binDir := filepath.Join(root, ".sluice", "bin")
	bin := filepath.Join(binDir, "temporald-"+hash)
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	if err := os.MkdirAll(binDir, 0o755); err != nil {
		return "", err
	}
	// The folder keeps itself out of version control.
	if err := os.WriteFile(filepath.Join(root, ".sluice", ".gitignore"), []byte("*\n"), 0o644); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(binDir, "temporald.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	err = lockFile(lock)
	if errors.Is(err, errLocked) {
		progress("another process is building the Temporal server; waiting for it")
		err = waitForLock(ctx, lock)
	}
	if err != nil {
		return "", fmt.Errorf("cannot lock %s: %w", lock.Name(), err)
	}
	if _, err := os.Stat(bin); err == nil {
		return bin, nil // built while we waited
	}
	// Builds of earlier sources stay: a stack that runs one may have to start it again.
	return bin, compile(ctx, source, bin, progress)
}

// waitForLock waits until the lock is free or ctx ends.
func waitForLock(ctx context.Context, f *os.File) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := lockFile(f); !errors.Is(err, errLocked) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// compile builds the nested module, telling about every 15 seconds how far it is.
func compile(ctx context.Context, source, bin string, progress func(string)) error {
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("building the Temporal server needs Go (%w); install it, or set SLUICE_TEMPORAL_BIN to a Temporal CLI binary, or TEMPORAL_ADDRESS to a server of your own", err)
	}
	progress("building the Temporal server with its web UI; the first time this takes some minutes (about 5 on two cores) and 3.5 GB of Go's caches")
	unfinished := bin + ".new"
	defer os.Remove(unfinished)
	// -v prints each package as it is compiled. The tag leaves out modules of gRPC that nothing here
	// uses; the version of the checkout is left out because git may refuse to tell it.
	cmd := exec.Command("go", "build", "-v", "-trimpath", "-buildvcs=false", "-tags", "disable_grpc_modules",
		"-ldflags", "-s -w", "-o", unfinished, ".")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	output := &buildOutput{}
	cmd.Stdout, cmd.Stderr = output, output

	started := time.Now()
	done := make(chan error, 1)
	go func() { done <- runToEnd(ctx, child{name: "go build", cmd: cmd}) }()
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			progress(fmt.Sprintf("building the Temporal server: %s, %s", time.Since(started).Round(time.Second), output.state()))
		case err := <-done:
			if err != nil && ctx.Err() != nil {
				return err
			}
			if err != nil {
				return fmt.Errorf(`the Temporal server could not be built in %s: %w
%s
It needs the Go version that its go.mod names, network access to the Go module proxy (or filled caches) and some 3 GB of free memory. Or set SLUICE_TEMPORAL_BIN to a Temporal CLI binary, or TEMPORAL_ADDRESS to a server of your own`,
					source, errors.Unwrap(err), output.tail())
			}
			progress(fmt.Sprintf("built the Temporal server in %s", time.Since(started).Round(time.Second)))
			return os.Rename(unfinished, bin)
		}
	}
}

// buildOutput counts the packages that "go build -v" names, one a line, and keeps the last lines
// that say something else.
type buildOutput struct {
	mu         sync.Mutex
	partial    []byte
	packages   int
	downloaded int
	messages   []string
}

func (b *buildOutput) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.partial = append(b.partial, p...)
	for {
		line, rest, whole := bytes.Cut(b.partial, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		b.add(string(line))
		b.partial = rest
	}
}

func (b *buildOutput) add(line string) {
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		b.downloaded++
	case line != "" && !strings.ContainsAny(line, " \t#"):
		b.packages++
	default:
		b.messages = append(b.messages, line)
		if len(b.messages) > 20 {
			b.messages = b.messages[1:]
		}
	}
}

// state says how far the build is.
func (b *buildOutput) state() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.packages == 0 {
		return fmt.Sprintf("%d modules downloaded", b.downloaded)
	}
	return fmt.Sprintf("%d packages compiled (of %d when none was compiled before)", b.packages, coldPackages)
}

// tail is what the compiler had to say last.
func (b *buildOutput) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return "  " + strings.Join(append(b.messages, string(b.partial)), "\n  ")
}

// sourceHash names the state of the nested module's sources.
func sourceHash(dir string) (string, error) {
	var files []string
	for _, pattern := range []string{"*.go", "go.mod", "go.sum"} {
		matches, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		files = append(files, matches...)
	}
	slices.Sort(files)
	if len(files) == 0 {
		return "", fmt.Errorf("%s: %w", dir, fs.ErrNotExist)
	}
	sum := sha256.New()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n", filepath.Base(file), len(text))
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}
