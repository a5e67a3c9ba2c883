package main

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/inventory"
	simulatedazure "sluice/internal/simulator/azure"
)

// withAPIs makes a house whose inventory has the APIs of a simulated Azure.
func withAPIs(t *testing.T) (h *house, sim *simulatedazure.Simulator, connector string) {
	t.Helper()
	h = newHouse(t)
	h.startWorker()
	sim, err := simulatedazure.New(simulatedazure.Config{Seed: 2, Subscriptions: 1, Services: 2, APIs: 40, Odd: simulatedazure.None})
	require.NoError(t, err)
	arm, blob := httptest.NewServer(sim.Handler()), httptest.NewServer(sim.BlobHandler())
	t.Cleanup(arm.Close)
	t.Cleanup(blob.Close)
	sim.SetBlobURL(blob.URL)
	connector = h.name + "-azure"
	r := h.runWith(t.Context(), environment{"SLUICE_CLIENT_SECRET": simulatedazure.DefaultSecret}, strings.NewReader(""),
		"connectors", "create", connector, "--tenant-id", simulatedazure.DefaultTenantID, "--client-id", simulatedazure.DefaultClientID,
		"--authority-url", arm.URL, "--arm-url", arm.URL, "--blob-host", strings.TrimPrefix(blob.URL, "http://"), "--test")
	require.Zero(t, r.code, r.out+r.err)
	require.Equal(t, "azure", okJSON[connectorView](h, "connectors", "show", connector).Provider, "the settings tell the provider")
	h.ok("profiles", "create", h.name+"-apis", "--connector", connector, "--kind", "azure-apim")
	h.ok("run", h.name+"-apis", "--wait")
	return h, sim, connector
}

func TestAPIsAreListedShownAndTheirSpecificationsPrinted(t *testing.T) {
	t.Parallel()
	h, sim, connector := withAPIs(t)
	all := okJSON[[]inventory.APIRow](h, "apis", "list")
	require.Len(t, all, 40)

	t.Run("filters", func(t *testing.T) {
		count := func(fits func(inventory.APIRow) bool) (n int) {
			for _, row := range all {
				if fits(row) {
					n++
				}
			}
			return n
		}
		service := *all[0].Service
		for _, f := range []struct {
			args []string
			fits func(inventory.APIRow) bool
		}{
			{[]string{"--ready"}, func(r inventory.APIRow) bool { return r.Ready != nil && *r.Ready }},
			{[]string{"--ready=false"}, func(r inventory.APIRow) bool { return r.Ready != nil && !*r.Ready }},
			{[]string{"--type", "http"}, func(r inventory.APIRow) bool { return *r.Type == "http" }},
			{[]string{"--service", service}, func(r inventory.APIRow) bool { return *r.Service == service }},
			{[]string{"--name", "API"}, func(r inventory.APIRow) bool { return strings.Contains(strings.ToLower(*r.Name), "api") }},
			{[]string{"--status", "active"}, func(inventory.APIRow) bool { return true }},
			{[]string{"--connector", connector}, func(inventory.APIRow) bool { return true }},
		} {
			want := count(f.fits)
			require.NotZero(t, want, f.args)
			require.Len(t, okJSON[[]inventory.APIRow](h, append([]string{"apis", "list"}, f.args...)...), want, f.args)
		}
		require.Contains(t, h.run("apis", "list", "--status", "stale").err, "no APIs match")
	})

	t.Run("pages", func(t *testing.T) {
		r := h.run("apis", "list", "--ready=false", "--limit", "1")
		require.Zero(t, r.code, r.err)
		_, more, found := strings.Cut(strings.TrimSpace(r.err), "sluice ")
		require.True(t, found, r.err)
		require.Contains(t, more, "--ready=false")
		require.NotEqual(t, r.out, h.ok(strings.Fields(more)...), "the command for the next page is one that works")
	})

	t.Run("formats", func(t *testing.T) {
		require.Regexp(t, `^ID +NAME +STATUS +URL +ENDPOINTS +SERVICE +TYPE +READY\n`, h.ok("apis", "list"))
		header, _, _ := strings.Cut(h.ok("apis", "list", "--output", "csv"), "\n")
		for _, name := range []string{"id", "endpoints", "ready", "connector", "resourceGroup", "readinessReasons", "flags", "specificationReason"} {
			require.Contains(t, strings.Split(header, ","), name)
		}
	})

	documents := make(map[string]simulatedazure.API) // by external id
	for a := range sim.APIs() {
		documents[strings.ToLower(a.ID)] = a
	}
	t.Run("specification", func(t *testing.T) {
		row := first(t, all, func(r inventory.APIRow) bool { return r.Ready != nil && *r.Ready && r.Endpoints > 1 })
		id := strconv.FormatInt(row.ID, 10)
		shown := h.ok("apis", "show", id)
		require.Regexp(t, `READY +yes\n`, shown)
		require.Contains(t, shown, "apis spec "+id)

		endpoints := okJSON[[]endpointView](h, "apis", "endpoints", id)
		require.Len(t, endpoints, int(row.Endpoints))
		require.Len(t, endpoints, len(documents[row.ExternalID].Specification.Endpoints))
		require.Regexp(t, `^METHOD +PATH +OPERATION ID +DEPRECATED +PARAMETERS +SECURITY\n`, h.ok("apis", "endpoints", id))
		require.Equal(t, len(endpoints)+1, strings.Count(h.ok("apis", "endpoints", id, "--output", "csv"), "\n"))

		document := h.ok("apis", "spec", id)
		sum := sha256.Sum256([]byte(document))
		require.Equal(t, *row.SpecificationHash, hex.EncodeToString(sum[:]), "byte by byte")
		require.Equal(t, specView{row.ID, *row.SpecificationHash, *row.Format, len(document), document}, okJSON[specView](h, "apis", "spec", id))

		require.Regexp(t, `^the specification of API \d+ \(openapi\+json\) is valid\n$`, h.ok("apis", "spec", id, "--validate"))

		file := filepath.Join(t.TempDir(), "spec.json")
		require.Empty(t, h.ok("apis", "spec", id, "--save", file))
		saved, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, document, string(saved))
		require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
		again := h.run("apis", "spec", id, "--save", file)
		require.Equal(t, exitFailure, again.code)
		require.Contains(t, again.err, "is there already, and stays as it is: give another name, or --force to replace it")
		kept, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, "mine", string(kept))
		h.ok("apis", "spec", id, "--save", file, "--force")
		saved, err = os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, document, string(saved))
		left, err := os.ReadDir(filepath.Dir(file))
		require.NoError(t, err)
		require.Len(t, left, 1, "nothing temporary stays")
	})

	t.Run("none", func(t *testing.T) {
		row := first(t, all, func(r inventory.APIRow) bool { return r.SpecificationHash == nil })
		id := strconv.FormatInt(row.ID, 10)
		require.NotEmpty(t, row.SpecificationReason)
		require.Regexp(t, `READY +no\n`, h.ok("apis", "show", id))
		require.Regexp(t, `READINESS REASONS +\S`, h.ok("apis", "show", id))
		why := "API " + id + " has no specification: " + *row.SpecificationReason
		require.Contains(t, h.ok("apis", "show", id), why)
		for _, command := range []string{"endpoints", "spec"} {
			r := h.run("apis", command, id)
			require.Equal(t, exitFailure, r.code)
			require.Contains(t, r.err, why)
			require.Empty(t, r.out)
		}
	})
}

// first is the first row that fits; there has to be one.
func first[T any](t *testing.T, rows []T, fits func(T) bool) T {
	t.Helper()
	for _, row := range rows {
		if fits(row) {
			return row
		}
	}
	require.Fail(t, "no row fits")
	panic("not reached")
}

func TestADocumentOnATerminalIsHarmless(t *testing.T) {
	require.Equal(t, "{\n\t\"a\": \"\\x1b[31m\"\n}", harmlessLines("{\r\n\t\"a\": \"\x1b[31m\"\n}"))
	require.Equal(t, "no end of line", harmlessLines("no end of line"))
}

func TestAFileThatCannotBeWrittenIsNamed(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none", "spec.json")
	require.ErrorContains(t, saveFile(missing, []byte("x"), true), "save "+missing)
}
