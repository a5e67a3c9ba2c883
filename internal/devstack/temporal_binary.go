package devstack

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// minTemporalServer is the oldest Temporal server that a `temporal` on the machine may embed:
	// that of Temporal CLI 1.5.0.
	minTemporalServer = "1.29.0"
	// modulePath is the module of this project, which the checkout's go.mod names.
	modulePath = "sluice"
)

// TemporalBinaryOptions say where a Temporal server may come from.
type TemporalBinaryOptions struct {
	// Root is the checkout, for building the pinned server; empty: none is at hand.
	Root string
	// AnyVersion accepts a new enough `temporal` in PATH before building. Tests and the bench
	// leave it out: their results must not depend on what is installed.
	AnyVersion bool
	// Progress receives one line for people at a time; nil: nobody.
	Progress func(string)
}

// TemporalBinary returns the path of a Temporal development server: $SLUICE_TEMPORAL_BIN, else, if
// allowed, a `temporal` in PATH, else the pinned server of this project, built when its sources
// changed since it was last built. Two processes that need the build at once build it once.
func TemporalBinary(ctx context.Context, opts TemporalBinaryOptions) (string, error) {
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	if bin := os.Getenv("SLUICE_TEMPORAL_BIN"); bin != "" {
		if _, err := temporalVersion(ctx, bin); err != nil {
			return "", fmt.Errorf("SLUICE_TEMPORAL_BIN: %w", err)
		}
		return bin, nil
	}
	if opts.AnyVersion {
		if bin, err := exec.LookPath("temporal"); err == nil {
			version, err := temporalVersion(ctx, bin)
			switch {
			case err != nil:
				opts.Progress(fmt.Sprintf("not using %s: %v", bin, err))
			case !atLeast(version.server, minTemporalServer):
				opts.Progress(fmt.Sprintf("not using %s: its server is %s, older than %s", bin, version.server, minTemporalServer))
			default:
				return bin, nil
			}
		}
	}
	if opts.Root == "" {
		return "", fmt.Errorf("no Temporal server at hand: install the Temporal CLI (server %s or newer), or set TEMPORAL_ADDRESS to a server of your own, or SLUICE_TEMPORAL_BIN to a binary that understands 'server start-dev'", minTemporalServer)
	}
	return buildTemporal(ctx, opts.Root, opts.Progress)
}

// FindRoot returns the checkout of this project that dir lies in.
func FindRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		text, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil {
			first, _, _ := bytes.Cut(text, []byte("\n"))
			if strings.TrimSpace(string(first)) == "module "+modulePath {
				return at, nil
			}
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not inside a checkout of %s", dir, modulePath)
		}
	}
}

type serverVersion struct {
	server string // of the Temporal server inside, such as 1.32.1
	ours   bool   // our own build, not the Temporal CLI
}

var serverVersionText = regexp.MustCompile(`\(Server (\d+\.\d+\.\d+)`)

// temporalVersion asks a binary for its version. A CLI built from source calls itself 0.0.0, so it
// is the version of the server inside that counts.
func temporalVersion(ctx context.Context, bin string) (serverVersion, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, bin, "--version").CombinedOutput()
	if err != nil {
		return serverVersion{}, fmt.Errorf("cannot run %s --version: %w", bin, err)
	}
	found := serverVersionText.FindSubmatch(out)
	if found == nil {
		return serverVersion{}, fmt.Errorf("%s --version does not name a Temporal server", bin)
	}
	return serverVersion{server: string(found[1]), ours: bytes.HasPrefix(out, []byte("temporald "))}, nil
}

// atLeast compares dotted version numbers.
func atLeast(version, floor string) bool {
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	return slices.CompareFunc(strings.Split(version, "."), strings.Split(floor, "."),
		func(a, b string) int { return cmp.Compare(number(a), number(b)) }) >= 0
}
