package devstack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	// inDocker stands for the version of data that a container keeps.
	inDocker = "docker"
	// dockerImage is what a container runs. Its data outlive changes of the minor version.
	dockerImage = "postgres:17-alpine"
)

// dockerServer is a PostgreSQL in a container whose data are in a named volume. The child process
// is the docker client in the foreground, which passes signals on.
type dockerServer struct{}

// dockerMark is the file that says that the data are in a volume.
func (pg *Postgres) dockerMark() string { return filepath.Join(pg.dir, "docker-volume") }

// containerName names container and volume of a directory.
func (pg *Postgres) containerName() string {
	sum := sha256.Sum256([]byte(pg.dir))
	return "sluice-" + hex.EncodeToString(sum[:6])
}

// credential is nil: the docker client runs as whoever may talk to the engine.
func (dockerServer) credential(*Postgres) *credential { return nil }

// create fetches the image, so that the start itself is quick. The image makes the cluster.
func (dockerServer) create(ctx context.Context, pg *Postgres, _ string) error {
	pg.opts.Progress("fetching " + dockerImage + " with Docker (about 110 MB)")
	if err := runToEnd(ctx, child{name: "docker pull", cmd: exec.Command("docker", "pull", "--quiet", dockerImage)}); err != nil {
		return fmt.Errorf("cannot fetch the image of PostgreSQL: %w", err)
	}
	return os.WriteFile(pg.dockerMark(), []byte(pg.containerName()+"\n"), 0o600)
}

func (dockerServer) command(pg *Postgres) *exec.Cmd {
	name := pg.containerName()
	args := []string{"run", "--rm", "--name", name, "--shm-size", "256m",
		"--publish", pg.Address() + ":5432",
		"--volume", name + ":/var/lib/postgresql/data",
		"--env", "POSTGRES_USER=" + postgresUser,
		"--env", "POSTGRES_PASSWORD", // its value comes from the client's environment
		dockerImage}
	for _, setting := range pg.settings() {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command("docker", args...)
	cmd.Env = append(os.Environ(), "POSTGRES_PASSWORD="+pg.password)
	return cmd
}

// sweep removes a container that outlived its client; its volume stays.
func (dockerServer) sweep(pg *Postgres) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = exec.CommandContext(ctx, "docker", "rm", "--force", pg.containerName()).Run()
}
