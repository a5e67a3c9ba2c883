//go:build unix

package devstack

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// imagined is a machine with these servers and no more.
type imagined struct {
	versions   map[string]string // by directory
	installs   map[string]string // what the package manager would add
	dockerErr  error
	installErr error
	installed  bool
}

func (m *imagined) binDirs() []string {
	var dirs []string
	for dir := range m.versions {
		dirs = append(dirs, dir)
	}
	return dirs
}

func (m *imagined) version(_ context.Context, dir string) (string, error) {
	return "postgres (PostgreSQL) " + m.versions[dir], nil
}

func (m *imagined) docker(context.Context) error { return m.dockerErr }

func (m *imagined) install(context.Context, func(string)) error {
	if m.installErr == nil {
		m.versions, m.installed = m.installs, true
	}
	return m.installErr
}

var (
	errNoDocker = errors.New("no docker in PATH")
	errNoApt    = errors.New("apt-get needs root, and this is another user")
)

func TestTheServerIsSoughtInAFixedOrder(t *testing.T) {
	t.Parallel()
	both := map[string]string{"/a/bin": "15.18 (Debian 15.18-0+deb12u1)", "/b/bin": "18.4"}
	for name, c := range map[string]struct {
		machine imagined
		data    string // version of data that are there
		want    postgresServer
	}{
		"the newest on the machine":              {machine: imagined{versions: both}, want: localServer{"/b/bin", "18"}},
		"the one that made the data":             {machine: imagined{versions: both}, data: "15", want: localServer{"/a/bin", "15"}},
		"Docker when the machine has none":       {machine: imagined{}, want: dockerServer{}},
		"Docker when the machine's is too old":   {machine: imagined{versions: map[string]string{"/a/bin": "13.2"}}, want: dockerServer{}},
		"Docker when a container keeps the data": {machine: imagined{versions: both}, data: inDocker, want: dockerServer{}},
		"installed when there is no Docker": {
			machine: imagined{dockerErr: errNoDocker, installs: map[string]string{"/new/bin": "17.1"}},
			want:    localServer{"/new/bin", "17"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := findPostgres(t.Context(), &c.machine, c.data, func(string) {})
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestAMachineWithoutAServerIsToldWhatWasTriedAndWhatToDo(t *testing.T) {
	t.Parallel()
	old := &imagined{versions: map[string]string{"/usr/lib/postgresql/13/bin": "13.2"}, dockerErr: errNoDocker, installErr: errNoApt}
	_, err := StartPostgres(t.Context(), PostgresOptions{Dir: scratchDir(t) + "/pg", search: old})
	for _, part := range []string{
		"/usr/lib/postgresql/13/bin (postgres (PostgreSQL) 13.2)", "15 or newer",
		errNoDocker.Error(), errNoApt.Error(),
		"apt-get install postgresql", "SLUICE_DATABASE_URL",
	} {
		require.ErrorContains(t, err, part)
	}
}

func TestDataOfAnotherMajorVersionAreNotTouched(t *testing.T) {
	t.Parallel()
	m := &imagined{versions: map[string]string{"/a/bin": "18.4"}, installs: map[string]string{"/a/bin": "18.4"}}
	_, err := findPostgres(t.Context(), m, "15", func(string) {})
	require.ErrorContains(t, err, "none is version 15, which made the data that are there")
	require.ErrorContains(t, err, "the data were not made in a container")
}

func TestThePasswordIsNoArgumentOfTheContainer(t *testing.T) {
	t.Parallel()
	pg := &Postgres{opts: PostgresOptions{Database: "sluice"}, dir: t.TempDir(), port: 54321, password: "hidden-password"}
	cmd := dockerServer{}.command(pg)
	line := strings.Join(cmd.Args, " ")
	require.NotContains(t, line, pg.password)
	require.Contains(t, cmd.Env, "POSTGRES_PASSWORD="+pg.password)
	require.Contains(t, line, "--publish 127.0.0.1:54321:5432")
}
