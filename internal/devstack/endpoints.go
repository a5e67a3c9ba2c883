package devstack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Endpoints say where the parts of a running stack are.
type Endpoints struct {
	// DatabaseURL has the password in it: for programs, not for logs.
	DatabaseURL string `json:"databaseUrl"`
	// TemporalAddress is host:port of the gRPC frontend.
	TemporalAddress string `json:"temporalAddress"`
	Namespace       string `json:"namespace"`
	// UIURL is the Temporal web UI; empty when there is none or it is not ours.
	UIURL string `json:"uiUrl,omitempty"`
}

// ErrNotRunning says that no stack runs in a state directory.
var ErrNotRunning = errors.New("the embedded servers do not run")

const endpointsFile = "dev.json"

// published is what dev.json holds.
type published struct {
	Endpoints
	// Owner is the process that runs the stack: a file that outlived it says nothing any more.
	Owner processID `json:"owner"`
}

func publish(stateDir string, e Endpoints) error {
	owner, err := thisProcess()
	if err != nil {
		return err
	}
	return writeJSON(filepath.Join(stateDir, endpointsFile), published{Endpoints: e, Owner: owner})
}

func unpublish(stateDir string) error {
	err := os.Remove(filepath.Join(stateDir, endpointsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// ReadEndpoints returns where the stack that runs with this state directory is, for another process
// on the machine. The error is ErrNotRunning when none does.
func ReadEndpoints(stateDir string) (Endpoints, error) {
	p, err := readPublished(stateDir)
	return p.Endpoints, err
}

func readPublished(stateDir string) (published, error) {
	var p published
	err := readJSON(filepath.Join(stateDir, endpointsFile), &p)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return published{}, fmt.Errorf("%w (nothing is noted in %s)", ErrNotRunning, stateDir)
	case err != nil:
		return published{}, fmt.Errorf("cannot read where the embedded servers are: %w", err)
	case !p.Owner.alive():
		return published{}, fmt.Errorf("%w any more: the process that ran them (pid %d) is gone", ErrNotRunning, p.Owner.PID)
	}
	return p, nil
}
