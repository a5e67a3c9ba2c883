package main

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/redact"
	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
)

// A secret is nowhere but sealed in the database: whatever is done with it, and
// whatever goes wrong.
func TestNoSecretIsToBeFoundAnywhere(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	config := smallEstate
	config.WebApps, config.WebFindings = 3, 10
	config.Credentials.ClientSecret = plantedSecret
	config.Users = account.Defaults(simulator.DefaultClientID, plantedSecret)
	config.Users[0].Password = plantedPassword
	sim, err := simulator.New(config)
	require.NoError(t, err)
	plain := httptest.NewServer(s.vendor(sim))
	t.Cleanup(plain.Close)
	encrypted := httptest.NewTLSServer(s.vendor(sim))
	t.Cleanup(encrypted.Close)
	middle := httptest.NewServer(proxy())
	t.Cleanup(middle.Close)

	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	certificate, key := clientCertificate(t)
	s.plant("private key", key)
	authority := file("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encrypted.Certificate().Raw})))
	secrets := environment{"SLUICE_CLIENT_SECRET": plantedSecret, "SLUICE_PASSWORD": plantedPassword, "SLUICE_PROXY_PASSWORD": plantedProxy}
	name := func(of string) string { return s.name + "-" + of }

	// Created in every way.
	s.must(secrets, "", "connectors", "create", name("env"), "--base-url", plain.URL, "--client-id", simulator.DefaultClientID, "--username", config.Users[0].Name,
		"--authentication", "basic", "--proxy-url", middle.URL, "--proxy-username", "proxy-user", "--retest", "6h", "--test")
	s.must(nil, "", "connectors", "create", name("ref"), "--base-url", plain.URL, "--client-id", simulator.DefaultClientID, "--client-secret-ref", "env:PLANTED",
		"--username", config.Users[0].Name, "--password-ref", "file:"+file("password", plantedPassword), "--test", "--log-level", "debug")
	s.createAsProcess(plantedSecret, "connectors", "create", name("tls"), "--base-url", encrypted.URL, "--client-id", simulator.DefaultClientID,
		"--client-secret-file", "-", "--ca-bundle-file", authority, "--tls-certificate-file", file("client.pem", certificate))
	s.must(nil, "", "connectors", "create", name("wrong"), "--base-url", plain.URL, "--client-id", simulator.DefaultClientID, "--client-secret-file", file("wrong", plantedWrong))
	s.must(nil, fmt.Sprintf("kind: connector\nname: %s\nprovider: qualys\nsettings:\n  baseURL: %s\n  clientId: c\nsecrets:\n  clientSecret:\n    secretRef: env:PLANTED\n",
		name("applied"), plain.URL), "apply", "-f", "-")
	for _, format := range []string{"yaml", "json"} {
		s.must(nil, s.must(nil, "", "export", "--output", format), "apply", "-f", "-")
	}

	// Runs that succeed, and tests of all sorts.
	for of, kind := range map[string]string{"env": "qualys-was", "ref": "qualys-tas", "tls": "qualys-tas"} {
		s.must(nil, "", "connectors", "test", name(of), "--all")
		s.must(nil, "", "profiles", "create", name(of), "--connector", name(of), "--kind", kind, "--schedule", "every 1 day", "--force")
		s.must(nil, "", "run", name(of), "--wait", "--log-level", "debug")
	}
	require.NotZero(t, s.do(nil, "", "connectors", "test", name("wrong")).code)
	s.do(nil, "", "connectors", "test", name("applied"))

	// The vendor, and the proxy, repeat in their errors what they were sent.
	const all = 1 << 30
	for _, of := range []string{"env", "ref", "tls"} {
		for echoes := range int64(5) {
			// What was refused before is forgotten with any change.
			s.must(nil, "", "connectors", "update", name(of), "--description", fmt.Sprint("changed ", echoes))
			s.echoes.Store(echoes)
			s.do(nil, "", "connectors", "test", name(of), "--all", "--output", "json")
		}
		s.echoes.Store(0) // a refused credential is not offered again, so that some are left
		s.must(nil, "", "connectors", "update", name(of), "--description", "changed")
		s.must(nil, "", "connectors", "test", name(of)) // so that there is a token
		s.echoes.Store(all)
		s.do(nil, "", "run", name(of), "--wait", "--mode", "full", "--log-level", "debug")
		s.do(nil, "", "connectors", "test", name(of), "--all")
		s.echoes.Store(0)
	}
	require.NotZero(t, s.do(environment{"SLUICE_PROXY_PASSWORD": plantedWrong2}, "", "connectors", "update", name("env"), "--new-secret", "--test").code)
	require.NotZero(t, s.do(nil, "", "connectors", "update", name("env"), "--proxy-password-file", file("wrong-proxy", plantedWrong2), "--test").code)
	require.NotZero(t, s.do(nil, "", "connectors", "rotate-secret", name("tls"), "--client-secret-file", file("wrong", plantedWrong)).code)

	// Tokens are revoked.
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: "revoke-tokens"}))
	s.do(nil, "", "run", name("ref"), "--wait", "--mode", "full")
	require.NoError(t, sim.SetFaults())

	// Everything is sealed with another key, and goes on to work.
	s.must(nil, "", "secrets", "rotate-key", "--new")
	text, err := os.ReadFile(s.env["SLUICE_MASTER_KEY_FILE"])
	require.NoError(t, err)
	s.plant("new master key", strings.Fields(string(text))[0])
	s.must(nil, "", "connectors", "rotate-secret", name("tls"), "--client-secret-file", file("secret", plantedSecret), "--application", "TAS")
	s.must(nil, "", "run", name("tls"), "--wait", "--mode", "full")

	for _, format := range []string{"table", "json", "csv", "ndjson"} {
		for _, command := range []string{"connectors list", "connectors show " + name("env"), "connectors show " + name("tls"), "connectors tests " + name("env"),
			"connectors logs " + name("ref"), "connectors limits " + name("env"), "profiles list", "profiles show " + name("env"), "secrets list",
			"runs list", "runs show 1", "runs logs 4", "runs logs 5", "runs logs 6", "status", "status " + name("tls"), "doctor", "assets list", "findings list"} {
			s.do(nil, "", append(strings.Fields(command), "--output", format)...)
		}
	}
	s.gather()

	planted := make(map[string]string)
	s.secrets.Range(func(what, secret any) bool {
		planted[what.(string)] = secret.(string)
		return true
	})
	require.Greater(t, len(planted), 9, "the vendor issued tokens")
	require.Empty(t, leaks(planted, s.places))

	// What is no secret is found in the same places by the same search.
	open := map[string]string{"name": name("env")}
	for _, place := range []string{"the database", "the histories", "the worker's log"} {
		require.NotEmpty(t, leaks(open, map[string]string{place: s.places[place]}), place)
	}
	require.NotEmpty(t, leaks(map[string]string{"task queue": s.env["SLUICE_TASK_QUEUE"]}, map[string]string{"": s.places["the schedules"]}))
	for _, place := range []string{"the database", "the histories"} {
		require.Contains(t, s.places[place], redact.Mark, "what the vendor repeated came to %s", place)
	}
	require.Contains(t, s.places["the arguments"], "connectors")
	require.Contains(t, s.places["the database"], "sealed:v2:")
}
