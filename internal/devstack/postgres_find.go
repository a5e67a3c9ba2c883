package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MinPostgres is the oldest major version of PostgreSQL whose SQL Sluice can rely on.
const MinPostgres = 15

// postgresServer is one way to run PostgreSQL: by programs on this machine or in a container.
type postgresServer interface {
	// create makes a new cluster in pg.DataDir() whose owner has the password in the file.
	create(ctx context.Context, pg *Postgres, passwordFile string) error
	// command runs the server in the foreground.
	command(pg *Postgres) *exec.Cmd
	// credential is whom the command runs as; nil: the user of this process.
	credential(pg *Postgres) *credential
	// sweep ends what outlives a killed command.
	sweep(pg *Postgres)
}

// postgresSearcher is the machine as the search for a server sees it.
type postgresSearcher interface {
	// binDirs lists directories that may hold a server's programs.
	binDirs() []string
	// version runs "postgres --version" of a directory.
	version(ctx context.Context, binDir string) (string, error)
	// docker is nil when a Docker engine answers.
	docker(ctx context.Context) error
	// install installs a server with the machine's package manager.
	install(ctx context.Context, progress func(string)) error
}

// findPostgres looks for a server of at least MinPostgres; of exactly the major version of the data
// when there are data already. A local server wins over a container, and that over an installation.
func findPostgres(ctx context.Context, m postgresSearcher, dataVersion string, progress func(string)) (postgresServer, error) {
	if dataVersion == inDocker {
		if err := m.docker(ctx); err != nil {
			return nil, fmt.Errorf("the data are in a Docker volume: %w; start Docker, or set SLUICE_DATABASE_URL to a database of your own", err)
		}
		return dockerServer{}, nil
	}
	server, localErr := findLocal(ctx, m, dataVersion)
	if localErr == nil {
		return server, nil
	}
	dockerErr := m.docker(ctx)
	if dockerErr == nil && dataVersion == "" {
		return dockerServer{}, nil
	}
	if dockerErr == nil {
		dockerErr = errors.New("an engine answers, but the data were not made in a container")
	}
	installErr := m.install(ctx, progress)
	if installErr == nil {
		if server, localErr = findLocal(ctx, m, dataVersion); localErr == nil {
			return server, nil
		}
		installErr = errors.New("postgresql was installed, but still no fitting server is found")
	}
	return nil, fmt.Errorf(`no PostgreSQL server can be started here. Tried:
  - programs on this machine: %w
  - Docker: %w
  - the package manager: %w
Install PostgreSQL %d or newer (Debian and Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17), or set SLUICE_DATABASE_URL to a database of your own (postgres://user:password@host:5432/name)`,
		localErr, dockerErr, installErr, MinPostgres)
}

// findLocal returns the newest fitting server among the machine's programs.
func findLocal(ctx context.Context, m postgresSearcher, dataVersion string) (postgresServer, error) {
	best := localServer{}
	bestMajor := 0
	var unfit []string
	for _, dir := range m.binDirs() {
		text, err := m.version(ctx, dir)
		if err != nil {
			unfit = append(unfit, fmt.Sprintf("%s (%v)", dir, err))
			continue
		}
		major := majorVersion(text)
		fits := major >= MinPostgres
		if dataVersion != "" {
			fits = strconv.Itoa(major) == dataVersion
		}
		if !fits {
			unfit = append(unfit, fmt.Sprintf("%s (%s)", dir, strings.TrimSpace(text)))
			continue
		}
		if major > bestMajor {
			bestMajor, best = major, localServer{bin: dir, version: strconv.Itoa(major)}
		}
	}
	if bestMajor > 0 {
		return best, nil
	}
	wanted := fmt.Sprintf("%d or newer", MinPostgres)
	if dataVersion != "" {
		wanted = dataVersion + ", which made the data that are there"
	}
	if len(unfit) > 0 {
		return nil, fmt.Errorf("none is version %s: %s", wanted, strings.Join(unfit, ", "))
	}
	return nil, errors.New("no postgres and initdb in PATH or where packages put them")
}

var versionNumber = regexp.MustCompile(`\d+`)

// majorVersion reads 15 from "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"; 0 when there is none.
func majorVersion(text string) int {
	major, err := strconv.Atoi(versionNumber.FindString(text))
	if err != nil {
		return 0
	}
	return major
}

// machine is the machine this process runs on.
type machine struct{}

func (machine) binDirs() []string {
	var dirs []string
	seen := map[string]bool{}
	add := func(dir string) {
		for _, program := range []string{"postgres", "initdb"} {
			if info, err := os.Stat(filepath.Join(dir, program)); err != nil || info.IsDir() {
				return
			}
		}
		if !seen[dir] {
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	// What PATH has may be a link into the real directory, which has the server's other files beside it.
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		add(filepath.Dir(path))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
		"/usr/pgsql-*/bin",                                   // PostgreSQL's own packages for Red Hat
		"/opt/homebrew/opt/postgresql*/bin",                  // Homebrew on Apple silicon
		"/usr/local/opt/postgresql*/bin",                     // Homebrew on Intel
		"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
		"/opt/local/lib/postgresql*/bin",                     // MacPorts
		"/Library/PostgreSQL/*/bin",                          // EDB's installer
		"/usr/libexec/postgresql*", "/usr/local/pgsql/bin",   // Alpine; built from source
	} {
		matches, _ := filepath.Glob(pattern)
		for _, dir := range matches {
			add(dir)
		}
	}
	return dirs
}

func (machine) version(ctx context.Context, binDir string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(binDir, "postgres"), "--version").Output()
	return string(out), err
}

func (machine) docker(ctx context.Context) error {
	if _, err := exec.LookPath("docker"); err != nil {
		return errors.New("no docker in PATH")
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := exec.CommandContext(ctx, "docker", "info").Run(); err != nil {
		return fmt.Errorf("no engine answers (docker info: %w)", err)
	}
	return nil
}
