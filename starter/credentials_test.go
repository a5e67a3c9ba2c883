package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// user is the environment of somebody who has an account's password.
func user(password string) environment { return environment{"SLUICE_PASSWORD": password} }

// stored are a connector's secrets as they are kept.
func (h *house) stored(connector string) map[string]string {
	h.t.Helper()
	c, err := h.open().Connector(h.t.Context(), connector)
	require.NoError(h.t, err)
	return c.Secrets
}

func TestAConnectorSignsInWithAClientOrAUser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, baseURL := vendor(t, smallEstate)
	both := environment{"SLUICE_CLIENT_SECRET": "s", "SLUICE_PASSWORD": "p"}
	for _, way := range []struct {
		name    string
		args    []string
		secrets map[string]string
	}{
		{"client", []string{"--client-id", "c"}, map[string]string{"clientSecret": "sealed"}},
		{"user", []string{"--username", "u"}, map[string]string{"password": "sealed"}},
		{"user by reference", []string{"--username", "u", "--password-ref", "env:QUALYS"}, map[string]string{"password": "env:QUALYS"}},
		{"both", []string{"--username", "u", "--client-id", "c", "--authentication", "basic"}, map[string]string{"clientSecret": "sealed", "password": "sealed"}},
	} {
		t.Run(way.name, func(t *testing.T) {
			r := h.runWith(t.Context(), both, nil, append([]string{"connectors", "create", way.name, "--base-url", baseURL}, way.args...)...)
			require.Zero(t, r.code, r.err)
			require.Equal(t, way.secrets, okJSON[connectorView](h, "connectors", "show", way.name).Secrets, "what is in the environment is taken only where it belongs to something")
		})
	}
}

func TestAConnectorChangesFromAClientToAUserAndBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, name := h.withConnector(smallEstate)

	half := h.runWith(t.Context(), user("p"), nil, "connectors", "update", name, "--username", "u", "--client-id", "")
	require.Equal(t, exitFailure, half.code)
	require.Contains(t, half.err, "clientId is missing", "its secret is still there")

	r := h.runWith(t.Context(), user("p"), nil, "connectors", "update", name, "--username", "u", "--client-id", "", "--client-secret-ref", "")
	require.Zero(t, r.code, r.err)
	now := okJSON[connectorView](h, "connectors", "show", name)
	require.Equal(t, map[string]string{"password": "sealed"}, now.Secrets)
	require.Equal(t, "u", now.Settings["username"])
	require.NotContains(t, now.Settings, "clientId")

	r = h.run("connectors", "update", name, "--client-id", "c")
	require.Contains(t, r.err, "clientSecret is missing: give it by --client-secret-file")
	require.Zero(t, h.run("connectors", "update", name, "--client-id", "c", "--client-secret-ref", "env:X").code)
}

func TestOfTwoSecretsTheNewOneIsTaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, name := h.withConnector(smallEstate)
	require.Zero(t, h.runWith(t.Context(), user("p"), nil, "connectors", "update", name, "--username", "u").code)
	before := h.stored(name)
	require.Zero(t, h.runWith(t.Context(), user("q"), nil, "connectors", "update", name, "--new-secret").code)
	after := h.stored(name)
	require.Equal(t, before["clientSecret"], after["clientSecret"])
	require.NotEqual(t, before["password"], after["password"])

	r := h.run("connectors", "update", name, "--new-secret")
	require.Equal(t, "sluice: clientSecret is missing: give it by --client-secret-file, in the environment variable SLUICE_CLIENT_SECRET, or by --client-secret-ref; "+
		"or password is missing: give it by --password-file, in the environment variable SLUICE_PASSWORD, or by --password-ref\n", r.err)
}

func TestAConnectorIsKeptIfItConnectsForWhatItIsFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	sim, baseURL := vendor(t, smallEstate)
	account := sim.DefaultUser()
	name := h.name + "-user"
	create := func(args ...string) result {
		return h.runWith(t.Context(), user(account.Password), strings.NewReader(""),
			append([]string{"connectors", "create", name, "--base-url", baseURL, "--username", account.Name, "--test"}, args...)...)
	}
	refused := create("--kind", "qualys-tas,qualys-vm")
	require.Equal(t, exitFailure, refused.code, "a user cannot read TotalAppSec")
	require.Contains(t, refused.err, "was not kept")
	require.NotContains(t, refused.out, "WAS")

	kept := create()
	require.Zero(t, kept.code, kept.out+kept.err)
	require.Contains(t, kept.err, "It cannot be used for TAS as it is; for the others it can.")
	require.Contains(t, kept.out, "(KIND is qualys-vm or qualys-was)\n")

	require.Equal(t, exitFailure, h.run("connectors", "test", name).code)
	require.Zero(t, h.run("connectors", "test", name, "--kind", "qualys-was").code)
	view := okJSON[connectorView](h, "connectors", "show", name)
	require.Equal(t, "healthy", string(view.Health), "an account need not have all products")
	h.ok("profiles", "create", h.name+"-apps", "--connector", name, "--kind", "qualys-tas", "--status", "inactive")
	require.NotEqual(t, "healthy", string(okJSON[connectorView](h, "connectors", "show", name).Health), "of the kinds that its profiles bring in")
	h.ok("profiles", "delete", h.name+"-apps")
	h.ok("profiles", "create", h.name+"-web", "--connector", name, "--kind", "qualys-was")
	view = okJSON[connectorView](h, "connectors", "show", name)
	require.Equal(t, "healthy", string(view.Health), "of the kinds that its profiles bring in")
}

func TestAConnectorWithACertificateChangesWithoutItBeingReadAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	certificate, _ := clientCertificate(t)
	path := filepath.Join(t.TempDir(), "client.pem")
	require.NoError(t, os.WriteFile(path, []byte(certificate), 0o600))
	r := h.runWith(t.Context(), environment{"SLUICE_CLIENT_SECRET": "s"}, nil, "connectors", "create", "tls", "--platform", "US1", "--client-id", "c", "--tls-certificate-file", path)
	require.Zero(t, r.code, r.err)
	h.ok("connectors", "update", "tls", "--description", "changed")
	require.Contains(t, h.applyOK(strings.Replace(h.ok("export"), "changed", "once more", 1)), "~ connector tls")
	require.Equal(t, "once more", okJSON[connectorView](h, "connectors", "show", "tls").Description)
}
