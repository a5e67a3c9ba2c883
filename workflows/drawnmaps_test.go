package workflows_test

import (
	"cmp"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/internal/simulator/azure"
	"sluice/internal/source/kinds"
	"sluice/workflows"
)

// An edit is something that people do to a map: it replaces a part of its text
// or, where there is no old part, adds a row. # is a digit that is drawn.
type edit struct{ old, new string }

const (
	ofAsset   = "asset.assetDetail.attributes."
	ofFinding = `"findingGroup.findings[].attributes.`
)

func condition(text string) edit   { return edit{"rows:\n", text + "\nrows:\n"} }
func renamed(from, to string) edit { return edit{"to: " + from + "\n", "to: " + to + "\n"} }
func row(fields string) edit       { return edit{"", "  - {" + fields + "}\n"} }

// edits are those that are drawn from, by kind and stream: conditions, renamed
// targets, attributes, defaults, conversions, tables and expressions, of which
// some reject some of the records.
var edits = map[string]map[string][]edit{
	"qualys-tas": {
		"APPLICATION": {
			condition(`when: "!record.id.endsWith('#')"`),
			condition(`whenFindings: finding.severity != #`),
			renamed("asset.assetDetail.name", ofAsset+"title"),
			renamed("findingGroup.findings[].name", "findingGroup.findings[].attributes.title"),
			row(`from: updatedDate, to: ` + ofAsset + `changed, convert: timestamp`),
			row(`from: url, to: ` + ofAsset + `address, default: nowhere`),
			row(`from: "findings[].severity", to: ` + ofFinding + `weight", values: {"1": low, "2": low, "3": some, "4": high, "5": high}`),
			row(`expr: "record.id + ' of ours'", to: ` + ofAsset + `ours`),
			row(`expr: "10 / (record.id.endsWith('#') ? 0 : 1)", to: ` + ofAsset + `rating`),
			row(`expr: "10 / (finding.severity - #)", to: ` + ofFinding + `rating"`),
		},
		"APICOLLECTION": {
			condition(`when: "!record.id.endsWith('#')"`),
			row(`expr: "record.id + '/' + finding.id", to: ` + ofFinding + `ours"`),
		},
	},
	"qualys-was": {
		"WEBAPP": {
			condition(`when: "!record.id.endsWith('#')"`),
			renamed("asset.assetDetail.name", ofAsset+"title"),
			row(`from: os, to: ` + ofAsset + `platform, default: unknown`),
			row(`from: riskScore, to: ` + ofAsset + `risk, convert: int`),
			row(`expr: "10 / (record.id.endsWith('#') ? 0 : 1)", to: ` + ofAsset + `rating`),
		},
		"FINDING": {
			condition(`when: record.severity != #`),
			renamed("findingGroup.findings[].name", "findingGroup.findings[].attributes.title"),
			row(`from: timesDetected, to: ` + ofFinding + `times", convert: string, default: none`),
			row(`from: severity, to: ` + ofFinding + `weight", values: {"1": low, "2": low, "3": some, "4": high, "5": high}`),
			row(`expr: "record.webApp.id + '/' + record.id", to: ` + ofAsset + `met`),
			row(`expr: "10 / (record.severity - #)", to: ` + ofFinding + `rating"`),
		},
		"KNOWLEDGEBASE": ofEntries,
	},
	"qualys-vm": {
		"HOST": {
			condition(`when: "!record.ID.endsWith('#')"`),
			renamed("asset.assetDetail.hostAssetClass.operatingSystem", ofAsset+"platform"),
			row(`from: NETWORK_NAME, to: ` + ofAsset + `network, default: Global`),
			row(`from: ID, to: ` + ofAsset + `number, convert: int`),
			row(`expr: "10 / (record.ID.endsWith('#') ? 0 : 1)", to: ` + ofAsset + `rating`),
		},
		"DETECTION": {
			condition(`when: "!record.ID.endsWith('#')"`),
			condition(`whenFindings: finding.SEVERITY != #`),
			renamed("findingGroup.findings[].attributes.type", "findingGroup.findings[].attributes.sort"),
			row(`from: "DETECTION_LIST.DETECTION[].PORT", to: ` + ofFinding + `door", default: none`),
			row(`expr: "record.ID + '/' + string(finding.QID)", to: ` + ofFinding + `ours"`),
			row(`expr: "10 / (finding.QID % 10 - #)", to: ` + ofFinding + `rating"`),
		},
		"KNOWLEDGEBASE": ofEntries,
	},
	"azure-apim": {
		"API": {
			condition(`when: "!record.api.endsWith('#')"`),
			renamed("asset.assetDetail.name", ofAsset+"title"),
			renamed(ofAsset+"type", ofAsset+"sort"),
			row(`from: properties.apiVersionDescription, to: ` + ofAsset + `said, default: nothing`),
			row(`from: isCurrent, to: ` + ofAsset + `current, convert: string`),
			row(`expr: "record.service + '/' + record.api", to: ` + ofAsset + `ours`),
			row(`expr: "10 / (size(record.api) % 10 - #)", to: ` + ofAsset + `rating`),
		},
	},
	"file": {
		"HOST": {
			condition(`when: "!record.id.endsWith('#')"`),
			row(`from: Risk_Score, to: ` + ofAsset + `score, convert: string`),
			row(`from: name, to: ` + ofAsset + `title, default: none`),
			row(`expr: "10 / (record.id.endsWith('#') ? 0 : 1)", to: ` + ofAsset + `rating`),
		},
	},
}

// ofEntries are the edits of what both kinds of Qualys refer to.
var ofEntries = []edit{
	condition(`when: record.?SEVERITY_LEVEL.orValue(0) != #`),
	renamed("vulnerability.title", "vulnerability.attributes.title"),
	row(`expr: "10 / (int(record.QID) % 10 - #)", to: vulnerability.attributes.rating`),
}

// editedMap draws a map that somebody has made of another, of a stream.
func editedMap(of []edit, body string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		text := body
		for _, e := range of {
			if !rapid.Bool().Draw(t, "with") {
				continue
			}
			part := strings.ReplaceAll(e.new, "#", rapid.StringOfN(rapid.RuneFrom([]rune("12345")), 1, 1, 1).Draw(t, "digit"))
			if e.old == "" {
				text += part
				continue
			}
			text = strings.Replace(text, e.old, part, 1)
		}
		return text
	})
}

// drawMaps saves maps that people have made of the stage's own, and returns
// their names by asset type. Each seed draws others.
func (s *stage) drawMaps(seed int) map[string]string {
	s.t.Helper()
	drawn := make(map[string]string)
	for stream, of := range edits[s.with.kind] {
		original, err := s.store.LatestMap(s.t.Context(), s.ownMap(stream))
		require.NoError(s.t, err)
		drawn[stream] = "ours-" + strings.ToLower(stream)
		body := strings.Replace(original.Body, "name: "+original.Name+"\n", "name: "+drawn[stream]+"\n", 1)
		require.NoError(s.t, s.store.AddMap(s.t.Context(), []byte(editedMap(of, body).Example(seed))))
	}
	return drawn
}

// ownMap is the map that the stage's profile was created with.
func (s *stage) ownMap(stream string) string {
	kind, err := kinds.Find(s.with.kind)
	require.NoError(s.t, err)
	assetType, err := kinds.AssetType(kind, stream)
	require.NoError(s.t, err)
	return cmp.Or(s.with.maps[stream], assetType.Map)
}

// newDrawnStage sets up a small stage of a kind, of which maps are drawn and may
// reject as much as they like. A full run of it takes the input.
func newDrawnStage(t *testing.T, kind string) (*stage, workflows.Input) {
	with := setup{kind: kind, policy: catalog.DefaultPolicy}
	with.policy.RejectPercent = 100
	var s *stage
	upload := int64(0)
	switch kind {
	case "qualys-tas":
		with.estate = simulator.Config{Seed: 3, Applications: 60, APICollections: 60, FindingsPerAsset: 5, MixedDates: true, MixedScalars: true,
			Defects: []simulator.Defect{{Kind: "severity-word", Count: 3}, {Kind: "finding-id-missing", Count: 2}, {Kind: "name-object", Count: 2}}}
		s = newStage(t, with)
	case "qualys-was":
		with.estate = simulator.Config{Seed: 11, WebApps: 40, WebFindings: 400}
		s = newStage(t, with)
	case "qualys-vm":
		with.estate = simulator.Config{Seed: 12, Hosts: 60, DetectionsPerHost: 8, KnowledgeEntries: 100, UnpublishedEntries: 0.03}
		s = newStage(t, with)
	case "azure-apim":
		s = newAzureStage(t, azure.Config{Seed: 21, Subscriptions: 2, Services: 4, APIs: 60, Settings: azure.Settings{ReadBucket: -1}}, with).stage
	case "file":
		s = newFileStage(t, with)
		upload = s.send("hosts.csv", hostsCSV(t, hosts(200)))
	}
	return s, workflows.Input{Profile: s.profile, Mode: lifecycle.Full, Upload: upload}
}

// mapBy lets the profile map by others from now on.
func (s *stage) mapBy(by map[string]string) {
	_, err := s.store.UpdateProfile(s.t.Context(), s.profile, func(p *catalog.Profile) error {
		maps.Copy(p.Maps, by)
		return nil
	})
	require.NoError(s.t, err)
}
