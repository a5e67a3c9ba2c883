package devstack

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// noCluster tells Debian's packages not to create, and start, a cluster of their own on port 5432.
const noCluster = "/etc/postgresql-common/createcluster.d/sluice.conf"

func (m machine) install(ctx context.Context, progress func(string)) error {
	if runtime.GOOS != "linux" {
		return errors.New("only apt-get is used by itself")
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("no apt-get in PATH")
	}
	if os.Geteuid() != 0 {
		return errors.New("apt-get needs root, and this is another user")
	}
	if err := os.MkdirAll(filepath.Dir(noCluster), 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(noCluster, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	// Two apt-get at once get in each other's way, so the second process waits for the first.
	if err := waitForLock(ctx, lock); err != nil {
		return err
	}
	if _, err := findLocal(ctx, m, ""); err == nil {
		return nil // installed while we waited
	}
	if err := writeAtStart(lock, "create_main_cluster = false\n"); err != nil {
		return err
	}
	progress("installing PostgreSQL with apt-get (about 80 MB to download, half a minute)")
	// A fresh machine has no package lists, or old ones. Where they cannot be fetched, those that
	// are there may do.
	updateErr := aptGet(ctx, "update", "-q")
	if err := aptGet(ctx, "install", "-q", "-y", "--no-install-recommends", "postgresql"); err != nil {
		return errors.Join(updateErr, err)
	}
	return nil
}

func aptGet(ctx context.Context, args ...string) error {
	// Another package manager at work, such as unattended upgrades, is waited for.
	cmd := exec.Command("apt-get", append([]string{"-o", "DPkg::Lock::Timeout=120"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	return runToEnd(ctx, child{name: "apt-get " + args[0], cmd: cmd})
}
