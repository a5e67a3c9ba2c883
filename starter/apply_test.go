package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/declare"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
)

// declared is a connector to a simulated vendor, its map and its profile.
func (h *house) declared(baseURL string) string {
	return strings.NewReplacer("HOUSE", h.name, "BASEURL", baseURL, "ID", simulator.DefaultClientID).Replace(`
kind: profile
name: HOUSE-apps
connector: HOUSE-acme
product: qualys-tas
assetTypes: [APPLICATION]
maps:
  APPLICATION: HOUSE-ours
schedule:
  when: daily at 02:30
  timeZone: Asia/Tokyo
  jitter: 0s
---
kind: connector
name: HOUSE-acme
provider: qualys
settings:
  baseURL: BASEURL
  clientId: ID
secrets:
  clientSecret:
    secretRef: env:QUALYS_SECRET
---
kind: map
name: HOUSE-ours
source: qualys-tas.application
target: inventory
assetClass: application
rows:
  - from: id
    to: asset.assetHeader.externalAssetId
  - from: name
    to: asset.assetDetail.name
  - from: findings[].id
    to: findingGroup.findings[].externalFindingId
  - from: findings[].severity
    to: findingGroup.findings[].severity
`)
}

// applyText applies a text from standard input.
func (h *house) applyText(text string, args ...string) result {
	h.t.Helper()
	return h.runWith(h.t.Context(), nil, strings.NewReader(text), append([]string{"apply", "-f", "-"}, args...)...)
}

func (h *house) applyOK(text string, args ...string) string {
	h.t.Helper()
	r := h.applyText(text, args...)
	require.Zero(h.t, r.code, r.err)
	return r.out
}

func TestWhatFilesSayIsMadeAndMadeAgainChangesNothing(t *testing.T) {
	h := newHouse(t)
	t.Setenv("QUALYS_SECRET", simulator.DefaultClientSecret) // the worker reads it
	h.startWorker()
	_, baseURL := vendor(t, smallEstate)
	text, profile := h.declared(baseURL), h.name+"-apps"

	dry := h.applyText(text, "--dry-run", "--test")
	require.Zero(t, dry.code, dry.err)
	require.Contains(t, dry.out, "+ connector "+h.name+"-acme\n    provider: qualys\n    active: true\n    settings.baseURL: "+baseURL+"\n")
	require.Contains(t, dry.out, "    secrets.clientSecret: env:QUALYS_SECRET\n")
	require.Contains(t, dry.out, "would create 3, update 0, leave 0 as they are; nothing was changed (--dry-run)\n")
	require.Equal(t, "nothing can be read here at env:QUALYS_SECRET; the workers must find the secret there\n", dry.err)
	require.Empty(t, okJSON[[]connectorView](h, "connectors", "list"))

	require.Contains(t, h.applyOK(text, "--test"), "created 3, updated 0, left 0 as they are\n")
	s := h.status(profile)
	require.Equal(t, lifecycle.Scheduled, s.State)
	require.Equal(t, "daily at 02:30 in Asia/Tokyo, jitter 0s", s.Schedule.When)
	require.Contains(t, h.ok("connectors", "logs", h.name+"-acme"), "schedule of profile "+profile+" created")
	h.ok("run", profile, "--wait")
	asset := okJSON[[]map[string]any](h, "assets", "list", "--limit", "1")[0]
	require.Equal(t, h.name+"-ours", asset["map"])

	again := h.applyText(text)
	require.Equal(t, result{"= connector " + h.name + "-acme\n= map " + h.name + "-ours\n= profile " + profile + "\nnothing changed: 3 as declared\n", "", 0}, again)
	require.Equal(t, int32(1), okJSON[connectorView](h, "connectors", "show", h.name+"-acme").Version)

	changed := strings.NewReplacer("daily at 02:30", "daily at 03:30", "  - from: name\n    to: asset.assetDetail.name\n", "", "clientId: ", "pageSize: 10\n  clientId: ").Replace(text)
	out := h.applyOK(changed)
	require.Contains(t, out, "~ connector "+h.name+"-acme\n    settings.pageSize: none -> 10\n")
	require.Contains(t, out, "~ map "+h.name+"-ours\n    asset.assetDetail.name: from name -> none\n")
	require.Contains(t, out, "~ profile "+profile+"\n    schedule.when: daily at 02:30 -> daily at 03:30\n")
	require.Contains(t, out, "created 0, updated 3, left 0 as they are\n")
	require.Contains(t, h.status(profile).Schedule.When, "03:30")
	require.Equal(t, "18:30", h.status(profile).Schedule.Next.UTC().Format("15:04"))
	require.Equal(t, int32(2), okJSON[connectorView](h, "connectors", "show", h.name+"-acme").Version, "the workers notice")
	require.Empty(t, okJSON[[]trouble](h, "doctor"))

	h.applyOK(strings.Replace(changed, "product: qualys-tas", "product: qualys-tas\nactive: false", 1))
	h.hasNoSchedule(profile)
}

func TestWhatIsExportedIsAppliedWithoutAChange(t *testing.T) {
	t.Parallel()
	h, profile := scheduled(t, "--schedule", "every 6h", "--start", "2027-02-01 00:00:30", "--jitter", "0s", "--shrink-limit", "40", "--description", "a: \u202eb\nc")
	h.applyOK(strings.Split(h.declared("http://127.0.0.1:1"), "---\n")[2])

	exported := h.ok("export")
	require.Contains(t, exported, "kind: connector\nname: "+h.name+"-acme\n")
	require.Contains(t, exported, "kind: map\nname: "+h.name+"-ours\n")
	require.Contains(t, exported, "    jitter: 0s\n"[2:])
	require.NotContains(t, exported, "\u202e")
	require.NotContains(t, exported, "name: qualys-tas-application\n")
	require.Contains(t, h.applyOK(exported), "nothing changed: 3 as declared\n")
	require.Contains(t, h.applyOK(h.ok("export", "--output", "json")), "nothing changed: 3 as declared\n")
	require.Regexp(t, `nothing changed: \d+ as declared\n`, h.applyOK(h.ok("export", "--default-maps")))

	// From a folder, and as a report for scripts.
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "profiles.yml"), []byte(h.ok("export", "--profiles")), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "connectors.yaml"), []byte(h.ok("export", "--connectors")), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "notes.txt"), []byte("not: this"), 0o600))
	changes := okJSON[[]declare.Change](h, "apply", "-f", folder)
	require.Equal(t, []declare.Change{
		{Action: declare.Unchanged, Kind: declare.KindConnector, Name: h.name + "-acme", Fields: []declare.FieldChange{}},
		{Action: declare.Unchanged, Kind: declare.KindProfile, Name: profile, Fields: []declare.FieldChange{}},
	}, changes)

	// What is not in the files is left alone.
	require.Contains(t, h.applyOK(h.ok("export", "--maps")), "nothing changed: 1 as declared\n")
	require.Len(t, okJSON[[]catalog.Profile](h, "profiles", "list"), 1)
}

func TestSecretsLeaveOnlySealedOrAsReferences(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, connector := h.withConnector(smallEstate)
	exported := h.ok("export") + h.ok("export", "-o", "json")
	require.NotContains(t, exported, simulator.DefaultClientSecret)
	require.Contains(t, exported, "clientSecret: sealed:v2:")
	h.applyOK(h.ok("export"))

	// Sealed text opens nowhere else.
	sealed := h.ok("export")
	r := h.applyText(strings.Replace(sealed, "name: "+connector, "name: other", 1))
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "connector other: clientSecret is sealed for another connector, and sealed text opens nowhere else: say where workers find it")
	h.ok("connectors", "delete", connector)
	_, connector = h.withConnector(smallEstate)
	r = h.applyText(sealed)
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "connector "+connector+": clientSecret is sealed for another connector, or with another master key, and does not open here")

	// An earlier secret of the same connector opens.
	sealed = h.ok("export")
	_, rest, _ := strings.Cut(sealed, "clientSecret: ")
	h.applyOK(strings.Replace(sealed, "clientSecret: "+rest, "clientSecret:\n    secretRef: env:ELSEWHERE\n", 1))
	require.Equal(t, "env:ELSEWHERE", okJSON[connectorView](h, "connectors", "show", connector).Secrets["clientSecret"])
	back := h.applyOK(sealed)
	require.Contains(t, back, "secrets.clientSecret: env:ELSEWHERE -> sealed\n")
	require.NotContains(t, back, "sealed:v")

	// A plain one is refused without being repeated.
	r = h.applyText(strings.Replace(sealed, rest, "hunter2\n", 1))
	require.Equal(t, exitFailure, r.code)
	require.NotContains(t, r.out+r.err, "hunter2")
}

func TestNothingIsAppliedWhenAnythingIsWrong(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, baseURL := vendor(t, smallEstate)
	text := h.declared(baseURL)
	empty := t.TempDir()
	for _, wrong := range []struct {
		what string
		args []string
		in   string
		code int
		says string
	}{
		{"no file", []string{"apply"}, "", exitUsage, "-f is missing: the file or folder to apply, or - for standard input"},
		{"a file that is not there", []string{"apply", "-f", "nowhere.yaml"}, "", exitFailure, "read what to apply: stat nowhere.yaml: no such file or directory"},
		{"an empty folder", []string{"apply", "-f", empty}, "", exitFailure, "folder " + empty + " has no *.yaml, *.yml or *.json: there is nothing to apply"},
		{"a misspelt key", []string{"apply", "-f", "-"}, strings.Replace(text, "timeZone", "timezone", 1), exitFailure,
			`standard input:11:3: unknown key "timezone" in the schedule; did you mean timeZone? (known: when, timeZone, start, end, jitter, catchUp)`},
		{"a connector that is not there", []string{"apply", "-f", "-", "--dry-run"}, strings.Replace(text, "connector: "+h.name+"-acme", "connector: acne", 1), exitFailure,
			`standard input:4:12: profile ` + h.name + `-apps: unknown connector "acne" (known: ` + h.name + `-acme)`},
		{"a schedule of the past", []string{"apply", "-f", "-", "--force"}, strings.Replace(text, "daily at 02:30", "once 2020-01-01 00:00", 1), exitFailure,
			`standard input:10:3: profile ` + h.name + `-apps: "once 2020-01-01 00:00" is in the past`},
		{"a format of export that is none", []string{"export", "-o", "table"}, "", exitUsage, `--output "table" is not known (known: yaml, json)`},
		{"a format of apply that is none", []string{"apply", "-f", "-", "-o", "yaml"}, "", exitUsage, `--output "yaml" is not known (known: table, json, ndjson, csv)`},
	} {
		t.Run(wrong.what, func(t *testing.T) {
			r := h.runWith(t.Context(), nil, strings.NewReader(wrong.in), wrong.args...)
			require.Equal(t, wrong.code, r.code, r.err)
			require.Empty(t, r.out)
			require.True(t, strings.HasPrefix(r.err, "sluice: "+wrong.says), r.err)
		})
	}
	// Without Temporal a schedule cannot be made, so that nothing is begun.
	r := h.runWith(t.Context(), environment{"TEMPORAL_ADDRESS": "127.0.0.1:1"}, strings.NewReader(text), "apply", "-f", "-", "--force")
	require.Equal(t, exitFailure, r.code)
	require.Empty(t, okJSON[[]connectorView](h, "connectors", "list"), "something was written")
	require.JSONEq(t, "[]", h.ok("export", "-o", "json"))
	require.Empty(t, h.ok("export"))
}

func TestAChangeIsReportedForScripts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, baseURL := vendor(t, smallEstate)
	r := h.applyText(h.declared(baseURL), "--force", "--output", "json")
	require.Zero(t, r.code, r.err)
	var changes []declare.Change
	require.NoError(t, json.Unmarshal([]byte(r.out), &changes))
	require.Len(t, changes, 3)
	require.Equal(t, declare.Create, changes[0].Action)
	require.Contains(t, changes[0].Fields, declare.FieldChange{Field: "secrets.clientSecret", New: "env:QUALYS_SECRET"})
	csv := h.applyOK(h.declared(baseURL), "--force", "--output", "csv")
	require.Equal(t, "action,kind,name,fields\nunchanged,connector,"+h.name+"-acme,\nunchanged,map,"+h.name+"-ours,\nunchanged,profile,"+h.name+"-apps,\n", csv)
}
