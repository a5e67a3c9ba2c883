package main

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
)

// login makes a login that is a member of a role, and lets the house's commands
// and workers use it.
func (h *house) login(role string) {
	h.t.Helper()
	owner := h.env["SLUICE_DATABASE_URL"]
	conn, err := pgx.Connect(h.t.Context(), owner)
	require.NoError(h.t, err)
	defer conn.Close(h.t.Context())
	name := fmt.Sprintf("%s_of_%s", role, h.name)
	_, err = conn.Exec(h.t.Context(), fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'test' IN ROLE %s", name, role))
	require.NoError(h.t, err)
	u, err := url.Parse(owner)
	require.NoError(h.t, err)
	u.User = url.UserPassword(name, "test")
	h.env["SLUICE_DATABASE_URL"] = u.String()
}

// All that is configured, run and looked at works with the rights of the
// worker's role, and all that is looked at with those of the reader's.
func TestLoginsWithTheLeastRights(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	owner := h.env["SLUICE_DATABASE_URL"]
	h.login(catalog.WorkerRole)
	worker := h.env["SLUICE_DATABASE_URL"]
	h.startWorker()
	sim, connector := h.withConnector(smallEstate)
	account := sim.DefaultUser()
	r := h.runWith(t.Context(), user(account.Password), nil, "connectors", "update", connector, "--username", account.Name)
	require.Zero(t, r.code, r.err)
	h.run("connectors", "test", connector)
	profile := h.name + "-apps"
	h.ok("profiles", "create", profile, "--connector", connector, "--kind", "qualys-tas")
	h.ok("profiles", "create", profile+"-vm", "--connector", connector, "--kind", "qualys-vm")
	for _, p := range []string{profile, profile, profile + "-vm"} {
		h.ok("run", p, "--wait", "--mode", "full")
	}
	h.ok("profiles", "update", profile, "--schedule", "every 1 day")
	h.ok("secrets", "rotate-key")
	h.ok("doctor", "--fix")
	h.ok("migrate")
	exported := h.ok("export")
	require.Contains(t, exported, profile)

	h.env["SLUICE_DATABASE_URL"] = owner
	h.login(catalog.ReaderRole)
	for _, command := range [][]string{
		{"assets", "list"}, {"findings", "list"}, {"knowledge", "list"}, {"apis", "list"},
		{"profiles", "list"}, {"profiles", "show", profile}, {"profiles", "next", profile},
		{"runs", "list"}, {"runs", "show", "1"}, {"runs", "logs", "1"}, {"status"}, {"status", profile},
	} {
		require.NotEmpty(t, h.ok(append(command, "--output", "json")...), "%v", command)
	}
	for _, command := range [][]string{
		{"connectors", "show", connector}, {"secrets", "list"}, {"secrets", "rotate-key"}, {"profiles", "update", profile, "--description", "mine"},
		{"connectors", "delete", connector, "--yes"}, {"profiles", "delete", profile}, {"runs", "rejects", "1"},
	} {
		r := h.run(command...)
		require.Equal(t, exitFailure, r.code, "%v", command)
		require.Contains(t, r.err, "permission denied", "%v", command)
		require.Contains(t, r.err, "The login to the database may not do that", "%v", command)
	}

	h.env["SLUICE_DATABASE_URL"] = worker
	h.ok("profiles", "delete", profile)
	h.ok("profiles", "delete", profile+"-vm")
	h.ok("connectors", "delete", connector, "--yes")
}
