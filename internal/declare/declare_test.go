package declare_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/catalog"
	"sluice/internal/declare"
	"sluice/internal/schedule"
	"sluice/internal/secret"
)

const (
	connector = `kind: connector
name: acme
provider: qualys
active: true
settings:
  clientId: 4e1c
  platform: EU2
secrets:
  clientSecret:
    secretRef: env:QUALYS_SECRET
`
	profile = `kind: profile
name: acme-apps
connector: acme
product: qualys-tas
active: true
assetTypes:
  - APPLICATION
maps:
  APPLICATION: qualys-tas-application
schedule:
  when: mon-fri at 06:00
  timeZone: Europe/Berlin
  start: "2027-01-31 18:00:30"
  jitter: 0s
fullEveryHours: 24
retireAfter: 0
shrinkPercent: 30
rejectPercent: 5
absentFindings: preserve
`
	filtered = `kind: profile
name: acme-web
connector: acme
product: qualys-was
filters:
  severities: [4, 5]
  tags: prod
`
	userMap = `kind: map
name: acme-application
description: Ours.
source: qualys-tas.application
target: inventory
assetClass: application
rows:
  - from: id
    to: asset.assetHeader.externalAssetId
  - from: name
    to: asset.assetDetail.name
    default: "1"
  - from: findings[].id
    to: findingGroup.findings[].externalFindingId
  - from: findings[].severity
    to: findingGroup.findings[].severity
    values:
      "1": 5
      "2": 1
      "3": 3
      "4": 4
      "5": 5
`
)

// knowledgeMap is a map of the knowledge base to a target.
func knowledgeMap(target, to string) string {
	return "kind: map\nname: acme-knowledge\nsource: qualys.knowledgebase\ntarget: " + target + "\nrows:\n  - from: QID\n    to: " + to + "\n"
}

// parse reads one file that has to be right.
func parse(t testing.TB, texts ...string) []declare.Document {
	t.Helper()
	documents, err := declare.Parse(declare.File{Name: "acme.yaml", Data: []byte(strings.Join(texts, "---\n"))})
	require.NoError(t, err)
	return documents
}

func write(t testing.TB, documents []declare.Document) string {
	t.Helper()
	text, err := declare.YAML(documents)
	require.NoError(t, err)
	return string(text)
}

// builtin are the maps that Sluice ships with.
func builtin(t testing.TB) []catalog.MapVersion {
	var maps []catalog.MapVersion
	paths, err := filepath.Glob("../../schema/maps/*.yaml")
	require.NoError(t, err)
	for _, path := range paths {
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		maps = append(maps, catalog.MapVersion{Name: name, Version: 1, Builtin: true, Body: string(body)})
	}
	return maps
}

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// nothing is an installation without connectors, whose key opens nothing.
func nothing(t testing.TB) declare.Present {
	return declare.Present{
		Maps: builtin(t), Now: now,
		Open:    func(secret.Place, string) error { return errors.New("it does not open") },
		Resolve: func(string) string { return "" },
	}
}

// there is an installation after the documents were applied.
func there(t testing.TB, texts ...string) declare.Present {
	present := nothing(t)
	plan, err := declare.NewPlan(present, parse(t, texts...))
	require.NoError(t, err)
	for i, c := range plan.Writes.Connectors {
		c.ID, c.Version = int64(i)+1, 1
		present.Connectors = append(present.Connectors, c)
	}
	for i, p := range plan.Writes.Profiles {
		p.ID, p.UpdatedAt = int64(i)+1, now
		present.Profiles = append(present.Profiles, p)
	}
	present.Models = plan.Writes.Models
	for _, body := range plan.Writes.Maps {
		documents := parse(t, "kind: map\n"+string(body))
		present.Maps = append(present.Maps, catalog.MapVersion{Name: documents[0].Name(), Version: 1, Body: string(body)})
	}
	return present
}

func TestWhatIsWrittenIsReadAsItWas(t *testing.T) {
	t.Parallel()
	documents := parse(t, connector, userMap, profile)
	require.Equal(t, connector+"---\n"+userMap+"---\n"+profile, write(t, documents))

	text, err := json.Marshal(documents)
	require.NoError(t, err)
	require.Equal(t, write(t, documents), write(t, parse(t, string(text))), "a JSON list counts as so many documents")
}

func TestFiltersAreReadWrittenAndCompared(t *testing.T) {
	t.Parallel()
	documents := parse(t, filtered)
	require.Equal(t, map[string][]string{"severities": {"4", "5"}, "tags": {"prod"}}, documents[0].Profile.Filters)
	require.Contains(t, write(t, documents), "filters:\n  severities:\n    - \"4\"\n    - \"5\"\n  tags:\n    - prod\n")
	require.Equal(t, documents[0].Profile.Filters, parse(t, write(t, documents))[0].Profile.Filters)
	require.NotContains(t, write(t, parse(t, profile)), "filters")

	change := func(old, now string) []declare.FieldChange {
		plan, err := declare.NewPlan(there(t, connector, filtered), parse(t, strings.Replace(filtered, old, now, 1)))
		require.NoError(t, err)
		return plan.Changes[0].Fields
	}
	require.Empty(t, change("[4, 5]", `["4", 5]`))
	require.Equal(t, []declare.FieldChange{{Field: "filters.severities", Old: "4,5", New: "5"}}, change("[4, 5]", "5"))
	require.Equal(t, []declare.FieldChange{{Field: "filters.tags", Old: "prod"}}, change("  tags: prod\n", ""))
	require.Equal(t, []declare.FieldChange{{Field: "filters.tags", Old: "prod", New: `"prod,test"`}}, change("tags: prod", "tags: \"prod,test\""))
}

func TestASecretIsTakenAwayByNull(t *testing.T) {
	t.Parallel()
	both := strings.Replace(connector, "secrets:", "  username: api\nsecrets:\n  password:\n    secretRef: env:QUALYS_PASSWORD", 1)
	onlyUser := strings.NewReplacer("  clientId: 4e1c\n", "", "clientSecret:\n    secretRef: env:QUALYS_SECRET", "clientSecret: null").Replace(both)
	require.Contains(t, write(t, parse(t, onlyUser)), "clientSecret: null\n")
	plan, err := declare.NewPlan(there(t, both), parse(t, onlyUser))
	require.NoError(t, err)
	require.Equal(t, []declare.FieldChange{{Field: "settings.clientId", Old: "4e1c"}, {Field: "secrets.clientSecret", Old: "env:QUALYS_SECRET"}}, plan.Changes[0].Fields)
	require.Equal(t, map[string]string{"password": "env:QUALYS_PASSWORD"}, plan.Writes.Connectors[0].Secrets)

	_, err = declare.NewPlan(there(t, connector), parse(t, strings.Replace(connector, "\n    secretRef: env:QUALYS_SECRET", " ~", 1)))
	require.ErrorContains(t, err, `acme.yaml:9:3: connector acme: clientSecret is missing under "secrets"`, "an id without its secret is half a credential")
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	t.Parallel()
	p := parse(t, "kind: profile\nname: p\nconnector: acme\nproduct: qualys-tas\n")[0].Profile
	require.Equal(t, catalog.DefaultPolicy, p.Policy)
	require.True(t, p.Active)
	require.Nil(t, p.Schedule)
	require.Equal(t, []string{"APPLICATION", "APICOLLECTION"}, p.AssetTypes)
	require.Equal(t, map[string]string{"APPLICATION": "qualys-tas-application", "APICOLLECTION": "qualys-tas-api-collection"}, p.Maps)
	require.Empty(t, parse(t, "", "# nothing here\n", ""))
}

func TestAnyDocumentIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	whens := []string{"every 6h", "daily at 02:30,14:30", "fri-mon at 06:00", "days 1,15 of jan,jul at 04:00", "cron 30 4 * * 1-5", "once 2027-01-31 18:00:01"}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.Map(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"yes", "1e3", "\n a", " ", "null", "# x", "\u202eevil", "a\r\nb", "2027-01-31", "{", "\u0085"})),
			func(s string) string { return strings.ReplaceAll(s, "\x00", "") })
		description := text.Draw(rt, "description")
		c := catalog.Connector{
			Name: rapid.SampledFrom([]string{"acme", "1", "true", "a: b", "ü #1"}).Draw(rt, "name"), Description: description, Provider: "qualys", Active: rapid.Bool().Draw(rt, "active"),
			Settings: map[string]string{"clientId": "id" + text.Draw(rt, "clientId"),
				"caBundle": "x" + rapid.StringMatching(`([-A-Za-z0-9+/= :#|>]{0,8}\n?){0,6}`).Draw(rt, "caBundle")},
			TestEvery: schedule.Duration(rapid.SampledFrom([]time.Duration{0, time.Hour, 90 * time.Minute}).Draw(rt, "retest")),
			Secrets:   map[string]string{"clientSecret": rapid.SampledFrom([]string{"env:A", "file:/run/a b", "sealed:v1:AAAA"}).Draw(rt, "secret")},
		}
		p := catalog.Profile{
			Name: "p", Description: description, Connector: c.Name, Kind: "qualys-tas", Active: rapid.Bool().Draw(rt, "on"),
			AssetTypes: []string{"APICOLLECTION"}, Maps: map[string]string{"APICOLLECTION": "m"},
			Policy: catalog.Policy{FullEveryHours: rapid.Int32Range(1, 8760).Draw(rt, "full"), ShrinkPercent: rapid.Int32Range(0, 100).Draw(rt, "shrink"), AbsentFindings: "preserve"},
		}
		if rapid.Bool().Draw(rt, "scheduled") {
			when, err := schedule.ParseWhen(rapid.SampledFrom(whens).Draw(rt, "when"))
			require.NoError(rt, err)
			p.Schedule = &schedule.Spec{When: when, TimeZone: rapid.SampledFrom([]string{"", "Asia/Tokyo"}).Draw(rt, "zone"), CatchUp: schedule.Duration(rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(rt, "catchUp"))}
		}
		value := rapid.OneOf(rapid.Just("5"), rapid.Just("0.5"), rapid.Just("true"), rapid.Just("-1e+5"), rapid.Just("123456789012345678901"),
			rapid.Map(text, strconv.QuoteToASCII)).Draw(rt, "value")
		key := strconv.QuoteToASCII(text.Draw(rt, "key"))
		m, err := declare.OfMap(catalog.MapVersion{Body: fmt.Sprintf(`{name: m, source: s, target: t, rows: [{from: a, to: b, default: %s, values: {%s: %s}}]}`, value, key, value)})
		require.NoError(rt, err)

		text1, err := declare.YAML([]declare.Document{declare.OfConnector(c), declare.OfProfile(p), m})
		require.NoError(rt, err)
		parts := strings.Split(string(text1), "---\n")
		require.Len(rt, parts, 3)
		documents, err := declare.Parse(declare.File{Data: []byte(parts[0])}, declare.File{Data: []byte(parts[1])})
		require.NoError(rt, err, string(text1))
		require.Equal(rt, c, *documents[0].Connector)
		require.Equal(rt, p.Policy, documents[1].Profile.Policy)
		require.True(rt, schedule.Equal(p.Schedule, documents[1].Profile.Schedule))
		require.Equal(rt, p.Description, documents[1].Profile.Description)
		require.Equal(rt, p.Maps, documents[1].Profile.Maps)
		again, err := declare.OfMap(catalog.MapVersion{Body: strings.TrimPrefix(parts[2], "kind: map\n")})
		require.NoError(rt, err, parts[2])
		require.Equal(rt, m.Map.Rows[0].Default, again.Map.Rows[0].Default)
		require.Equal(rt, m.Map.Rows[0].Values, again.Map.Rows[0].Values)
		text2, err := declare.YAML(append(documents, again))
		require.NoError(rt, err)
		require.Equal(rt, string(text1), string(text2))
	})
}

func TestConditionsAndExpressionsOfAMapAreWrittenAndCompared(t *testing.T) {
	t.Parallel()
	const withExpressions = "  - expr: record.name + '!'\n    to: asset.assetDetail.attributes.shout\n"
	text := strings.Replace(userMap, "rows:\n", "when: record.name != 'test'\nwhenFindings: finding.severity > 1\nrows:\n"+withExpressions, 1)
	documents := parse(t, text)
	require.Equal(t, text, write(t, documents))
	plan, err := declare.NewPlan(there(t, userMap), documents)
	require.NoError(t, err)
	require.Equal(t, []declare.FieldChange{
		{Field: "when", New: "record.name != 'test'"},
		{Field: "whenFindings", New: "finding.severity > 1"},
		{Field: "asset.assetDetail.attributes.shout", New: "expr record.name + '!'"},
	}, plan.Changes[0].Fields)
}

func TestWrongFilesAreExplainedWithTheLine(t *testing.T) {
	t.Parallel()
	with := func(text, old, now string) string {
		require.Contains(t, text, old)
		return strings.Replace(text, old, now, 1)
	}
	for _, wrong := range []struct{ what, text, says string }{
		{"not YAML", "kind: [connector\n", "acme.yaml:1: is not valid YAML: did not find expected ',' or ']'"},
		{"a list of text", "- a\n", `acme.yaml:1:3: a document must be a mapping of keys to values that begins with "kind: connector", "kind: profile", "kind: map" or "kind: model"`},
		{"no kind", "name: acme\n", "acme.yaml:1:1: the document does not say its kind: connector, profile, map or model"},
		{"an unknown kind", "kind: conector\n", `acme.yaml:1:7: unknown kind of document "conector"; did you mean connector? (known: connector, profile, map, model)`},
		{"a product as kind", "kind: qualys-tas\n", `acme.yaml:1:7: unknown kind of document "qualys-tas"; a profile has "kind: profile" and "product: qualys-tas"`},
		{"an unknown key", with(connector, "active: true", "aktive: true"), `acme.yaml:4:1: unknown key "aktive" in the connector; did you mean active? (known: kind, name, description, provider, active, settings, secrets, retest)`},
		{"a key twice", connector + "active: false\n", `acme.yaml:11:1: the connector has the key "active" twice`},
		{"no provider", with(connector, "provider: qualys\n", ""), `acme.yaml:1:1: the connector has no "provider"`},
		{"an unknown provider", with(connector, "qualys", "qualis"), `acme.yaml:3:11: unknown provider "qualis"; did you mean qualys? (known: qualys, azure, file)`},
		{"a bad name", with(connector, "acme", `" acme"`), `acme.yaml:2:7: connector name " acme" cannot be used: at most 100 bytes of visible characters, without blanks around it`},
		{"a flag that is none", with(connector, "active: true", "active: yes"), `acme.yaml:4:9: active must be true or false`},
		{"an unknown setting", with(connector, "platform", "platfrm"), `acme.yaml:7:3: unknown setting "platfrm" of provider qualys; did you mean platform? (known: baseURL, platform, `},
		{"a secret among the settings", with(connector, "platform: EU2", "clientSecret: hunter2"), `acme.yaml:7:3: clientSecret is a secret, which is never written into a file: under "secrets", say where workers find it, as "secretRef: env:NAME" or "secretRef: file:PATH"`},
		{"a plain secret", with(connector, "\n    secretRef: env:QUALYS_SECRET", " hunter2"), `acme.yaml:9:17: clientSecret is never written into a file as it is: say where workers find it, as "secretRef: env:NAME" or "secretRef: file:PATH"`},
		{"a plain secret like an alias", with(connector, "\n    secretRef: env:QUALYS_SECRET", " *hunter2"), `acme.yaml: is not valid YAML: a value that begins with * has to be in quotes`},
		{"a reference that is none", with(connector, "env:QUALYS_SECRET", "hunter2"), `acme.yaml:10:16: secretRef of clientSecret is neither env:NAME nor file:PATH: it says where workers find the secret`},
		{"an unknown secret", with(connector, "clientSecret", "secret"), `acme.yaml:9:3: unknown secret "secret" of provider qualys (known: clientSecret, password, `},
		{"a time between tests that is too short", connector + "retest: 1m\n", `acme.yaml:11:9: retest: "1m" is no time between tests: give 5m to 30d, such as 6h; empty ends them`},
		{"a bad profile name", with(profile, "acme-apps", "Acme"), `acme.yaml:2:7: profile name "Acme" cannot be used: at most 63 small letters, digits, '.', '_' and '-', beginning with a letter or digit`},
		{"an unknown product", with(profile, "product: qualys-tas", "product: qualys-taz"), `acme.yaml:4:10: unknown kind "qualys-taz"; did you mean qualys-tas? (known: `},
		{"an unknown asset type", with(profile, "- APPLICATION", "- APLICATION"), `acme.yaml:7:5: unknown asset type "APLICATION" of kind qualys-tas; did you mean APPLICATION? (known: APPLICATION, APICOLLECTION)`},
		{"filters of a kind without any", with(profile, "schedule:", "filters:\n  tags: prod\nschedule:"), `acme.yaml:11:3: kind qualys-tas has no filters: it reads everything that the account sees`},
		{"an unknown filter", with(filtered, "severities:", "severity:"), `acme.yaml:6:3: kind qualys-was has no filter "severity"; did you mean severities? (known: `},
		{"a value that a filter does not take", with(filtered, "[4, 5]", "[4, 6]"), `acme.yaml:6:3: filter severities: `},
		{"a filter without values", with(filtered, "[4, 5]", "[]"), `acme.yaml:6:3: filter severities has no values: leave it out, or give some`},
		{"an empty value", with(filtered, "tags: prod", `tags: ""`), `acme.yaml:7:9: a value of filter tags is empty: leave it out`},
		{"a value that is no text", with(filtered, "[4, 5]", "{a: b}"), `acme.yaml:6:15: a value of filter severities must be text`},
		{"filters that are no mapping", with(filtered, "filters:\n  severities: [4, 5]\n  tags: prod", "filters: [4]"), `acme.yaml:5:10: filters must be a mapping of keys to values`},
		{"a map for nothing", with(profile, "  APPLICATION:", "  APICOLLECTION:"), `acme.yaml:9:3: there is a map for "APICOLLECTION", which is none of the profile's asset types (known: APPLICATION)`},
		{"a number out of bounds", with(profile, "shrinkPercent: 30", "shrinkPercent: 130"), `acme.yaml:17:16: shrinkPercent must be a whole number, 0 to 100`},
		{"unknown absent findings", with(profile, "preserve", "keep"), `acme.yaml:19:17: unknown absentFindings "keep" (known: fixed, preserve)`},
		{"a schedule in other words", with(profile, "mon-fri at 06:00", "sometimes"), `acme.yaml:11:9: when: schedule "sometimes": it cannot begin with "sometimes"`},
		{"an unknown time zone", with(profile, "Europe/Berlin", "Europe/Berln"), `acme.yaml:11:3: unknown time zone "Europe/Berln" (did you mean Europe/Berlin?): give an IANA name, such as Europe/Berlin or UTC`},
		{"an unknown key of a schedule", with(profile, "timeZone", "timezone"), `acme.yaml:12:3: unknown key "timezone" in the schedule; did you mean timeZone? (known: when, timeZone, start, end, jitter, catchUp)`},
		{"an unknown field in a map", with(userMap, "from: name", "from: nme"), `acme.yaml:10:11: row 2: `},
		{"an unknown key in a map", with(userMap, "default:", "defalt:"), `acme.yaml:12:5: row 2: unknown key "defalt" in the row; did you mean "default"?`},
		{"an unknown type in a model", with(userModel, "type: string", "type: strng"), `acme.yaml:7:5: field "host" has the unknown type "strng"; did you mean "string"?`},
		{"an unknown key in a model", with(userModel, "required:", "requird:"), `acme.yaml:9:5: unknown key "requird" in the field; did you mean "required"?`},
		{"a model by another's name", with(userModel, "file.scans", "scans"), `acme.yaml:2:7: model name "scans" cannot be used: it is "file." and at most 58 letters, digits, '.', '_' and '-', beginning with a letter or digit; did you mean "file.scans"?`},
		{"a model of the inventory", with(userModel, "role: source", "role: target"), `acme.yaml:4:7: a model of a file is a source model: its role is source`},
		{"a map without a model", with(userMap, "source: qualys-tas.application", "source: qualys-tas.aplication"), `acme.yaml:4:9: unknown source model "qualys-tas.aplication"`},
		{"declared twice", profile + "---\n" + profile, `acme.yaml:22:7: profile acme-apps: it is in acme.yaml:1 already`},
		{"text with NUL", with(connector, "EU2", `"\0"`), `acme.yaml:7:13: platform has a NUL character, which cannot be stored`},
		{"too much", strings.Repeat("#", declare.MaxFile+1), `acme.yaml: is larger than 4194304 bytes`},
	} {
		t.Run(wrong.what, func(t *testing.T) {
			_, err := declare.Parse(declare.File{Name: "acme.yaml", Data: []byte(wrong.text)})
			require.Error(t, err)
			require.True(t, strings.HasPrefix(err.Error(), wrong.says), "%s", err)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
	_, err := declare.Parse(declare.File{Name: "acme.yaml", Data: []byte(with(with(connector, "active: true", "active: on"), "EU2", "[]"))})
	require.EqualError(t, err, "acme.yaml:4:9: active must be true or false\nacme.yaml:7:13: platform must be text", "all problems are told at once")
}

func TestAPlanSaysWhatChanges(t *testing.T) {
	t.Parallel()
	documents := parse(t, profile, userMap, connector)
	plan, err := declare.NewPlan(nothing(t), documents)
	require.NoError(t, err)
	require.Equal(t, []string{"create connector acme", "create map acme-application", "create profile acme-apps"}, deeds(plan), "in the order in which they refer to each other")
	require.Equal(t, []string{"env:QUALYS_SECRET"}, plan.Elsewhere)

	present := there(t, connector, userMap, profile)
	plan, err = declare.NewPlan(present, documents)
	require.NoError(t, err)
	require.Equal(t, []string{"unchanged connector acme", "unchanged map acme-application", "unchanged profile acme-apps"}, deeds(plan))
	require.Empty(t, plan.Writes)

	plan, err = declare.NewPlan(present, parse(t,
		strings.Replace(connector, "platform: EU2", "dialect: gateway\n  platform: EU1", 1),
		strings.Replace(userMap, `"2": 1`, `"2": 2`, 1),
		strings.Replace(strings.Replace(profile, "  jitter: 0s\n", "", 1), "shrinkPercent: 30", "shrinkPercent: 40", 1)))
	require.NoError(t, err)
	require.Equal(t, []declare.FieldChange{{Field: "settings.dialect", New: "gateway"}, {Field: "settings.platform", Old: "EU2", New: "EU1"}}, plan.Changes[0].Fields)
	require.Equal(t, []declare.FieldChange{{Field: "findingGroup.findings[].severity",
		Old: `from findings[].severity, values {"1": 5, "2": 1, "3": 3, "4": 4, "5": 5}`, New: `from findings[].severity, values {"1": 5, "2": 2, "3": 3, "4": 4, "5": 5}`}}, plan.Changes[1].Fields)
	require.Equal(t, []declare.FieldChange{{Field: "shrinkPercent", Old: "30", New: "40"}, {Field: "schedule.jitter", Old: "0s"}}, plan.Changes[2].Fields)
}

func deeds(plan declare.Plan) []string {
	var list []string
	for _, c := range plan.Changes {
		list = append(list, fmt.Sprintf("%s %s %s", c.Action, c.Kind, c.Name))
	}
	return list
}

func TestTheOrderOfAMapsRowsIsNoChange(t *testing.T) {
	t.Parallel()
	const first = "  - from: id\n    to: asset.assetHeader.externalAssetId\n"
	plan, err := declare.NewPlan(there(t, userMap), parse(t, strings.Replace(userMap, first, "", 1)+first))
	require.NoError(t, err)
	require.Equal(t, []string{"unchanged map acme-application"}, deeds(plan))
}

func TestASecretThatIsLeftOutStays(t *testing.T) {
	t.Parallel()
	bare, _, _ := strings.Cut(connector, "secrets:")
	plan, err := declare.NewPlan(there(t, connector), parse(t, strings.Replace(bare, "EU2", "EU1", 1)))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"clientSecret": "env:QUALYS_SECRET"}, plan.Writes.Connectors[0].Secrets)
	require.Len(t, plan.Changes[0].Fields, 1)
}

func TestSealedTextIsOnlyForTheConnectorItIsOf(t *testing.T) {
	t.Parallel()
	sealed := strings.Replace(connector, "\n    secretRef: env:QUALYS_SECRET", " sealed:v1:AAAA", 1)
	present := there(t, connector)
	present.Connectors[0].Secrets["clientSecret"] = "sealed:v1:AAAA"

	plan, err := declare.NewPlan(present, parse(t, sealed))
	require.NoError(t, err, "the very same text needs no key")
	require.Equal(t, []string{"unchanged connector acme"}, deeds(plan))

	other := parse(t, strings.Replace(sealed, "AAAA", "BBBB", 1))
	_, err = declare.NewPlan(present, other)
	require.EqualError(t, err, `acme.yaml:9:3: connector acme: clientSecret is sealed for another connector, or with another master key, and does not open here: say where workers find it, as "secretRef: env:NAME" or "secretRef: file:PATH", or enter it with 'sluice connectors create'`)

	present.Open = func(at secret.Place, stored string) error {
		require.Equal(t, secret.Place{ConnectorID: 1, Field: "clientSecret"}, at)
		return nil
	}
	plan, err = declare.NewPlan(present, other)
	require.NoError(t, err, "an earlier secret of the same connector")
	require.Equal(t, []declare.FieldChange{{Field: "secrets.clientSecret", Old: "sealed", New: "sealed, another text"}}, plan.Changes[0].Fields)
}

func TestWhatCannotBeAppliedIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	bare, _, _ := strings.Cut(connector, "secrets:")
	rival := strings.Replace(profile, "acme-apps", "rival", 1)
	const instead = `: say where workers find it, as "secretRef: env:NAME" or "secretRef: file:PATH", or enter it with 'sluice connectors create'`
	for _, wrong := range []struct {
		what    string
		present declare.Present
		text    string
		says    string
	}{
		{"a new connector without its secret", nothing(t), bare, `acme.yaml:1:1: connector acme: clientSecret is missing under "secrets"` + instead},
		{"a user name without its password", nothing(t), strings.Replace(connector, "secrets:", "  username: api\nsecrets:", 1), `acme.yaml:10:3: connector acme: password is missing under "secrets"` + instead},
		{"no credentials at all", nothing(t), strings.Replace(bare, "  clientId: 4e1c\n", "", 1), `acme.yaml:6:3: connector acme: clientId and clientSecret are missing, and so are username and password`},
		{"a new connector with a sealed secret", nothing(t), strings.Replace(connector, "\n    secretRef: env:QUALYS_SECRET", " sealed:v1:AAAA", 1),
			`acme.yaml:9:3: connector acme: clientSecret is sealed for another connector, and sealed text opens nowhere else` + instead},
		{"a platform that is none", nothing(t), strings.Replace(connector, "EU2", "EU9", 1), `acme.yaml:6:3: connector acme: platform "EU9" is not known; did you mean EU1?`},
		{"a profile without its connector", nothing(t), profile, `acme.yaml:3:12: profile acme-apps: unknown connector "acme"`},
		{"a profile of a misspelt connector", there(t, connector), strings.Replace(profile, "connector: acme", "connector: acne", 1), `acme.yaml:3:12: profile acme-apps: unknown connector "acne"; did you mean acme? (known: acme)`},
		{"a profile moved to another connector", there(t, connector, strings.Replace(connector, "name: acme", "name: other", 1), profile), strings.Replace(profile, "connector: acme", "connector: other", 1),
			`acme.yaml:3:12: profile acme-apps: it is of connector acme, which cannot be changed: give the new profile another name, or delete this one first`},
		{"a map that is none", there(t, connector), strings.Replace(profile, ": qualys-tas-application", ": qualys-tas-aplication", 1),
			`acme.yaml:9:3: profile acme-apps: unknown map "qualys-tas-aplication"; did you mean qualys-tas-application? (known: azure-apim-api, qualys-`},
		{"a map of something else", there(t, connector), strings.Replace(profile, ": qualys-tas-application", ": qualys-tas-api-collection", 1),
			`acme.yaml:9:3: profile acme-apps: map qualys-tas-api-collection reads qualys-tas.apiCollection, but APPLICATION brings qualys-tas.application`},
		{"a map changed under its profile", there(t, connector, userMap, strings.Replace(profile, ": qualys-tas-application", ": acme-application", 1)),
			strings.NewReplacer("qualys-tas.application", "qualys-tas.apiCollection", "assetClass: application", "assetClass: apiCollection").Replace(userMap),
			`acme.yaml:4:9: map acme-application: map acme-application reads qualys-tas.apiCollection, but APPLICATION of profile acme-apps brings qualys-tas.application`},
		{"one of Sluice's own maps", nothing(t), strings.Replace(userMap, "name: acme-application", "name: qualys-tas-application", 1),
			`acme.yaml:2:7: map qualys-tas-application: it is one of Sluice's own, which cannot be changed: give yours another name`},
		{"a map that fills something else", there(t, connector), knowledgeMap("inventory", "asset.assetHeader.externalAssetId\n    convert: string") + "---\n" + strings.Replace(filtered, "filters:", "maps:\n  KNOWLEDGEBASE: acme-knowledge\nfilters:", 1),
			`acme.yaml:15:3: profile acme-web: map acme-knowledge fills inventory, but KNOWLEDGEBASE needs one to knowledge`},
		{"a rival of another kind", there(t, connector, filtered), knowledgeMap("knowledge", "vulnerability.qid") + "---\n" + "kind: profile\nname: acme-vm\nconnector: acme\nproduct: qualys-vm\nmaps:\n  KNOWLEDGEBASE: acme-knowledge\n",
			`acme.yaml:14:3: profile acme-vm: profile acme-web is active and writes KNOWLEDGEBASE of the same connector by map qualys-knowledgebase, this one by acme-knowledge`},
		{"a rival", there(t, connector, profile), userMap + "---\n" + strings.Replace(rival, ": qualys-tas-application", ": acme-application", 1),
			`acme.yaml:32:3: profile rival: profile acme-apps is active and writes APPLICATION of the same connector by map qualys-tas-application, this one by acme-application: use the same map, leave APPLICATION out, or make one of them inactive`},
		{"a schedule of the past", there(t, connector), strings.NewReplacer("mon-fri at 06:00", "once 2026-01-01 00:00", "  start: \"2027-01-31 18:00:30\"\n", "").Replace(profile),
			`acme.yaml:11:3: profile acme-apps: "once 2026-01-01 00:00" is in the past`},
	} {
		t.Run(wrong.what, func(t *testing.T) {
			plan, err := declare.NewPlan(wrong.present, parse(t, wrong.text))
			require.Error(t, err)
			require.True(t, strings.HasPrefix(err.Error(), wrong.says), "%s", err)
			require.Empty(t, plan)
		})
	}
}

func TestAScheduleWhoseTimeHasPassedMayStay(t *testing.T) {
	t.Parallel()
	once := strings.NewReplacer("mon-fri at 06:00", "once 2026-07-01 00:00", "  start: \"2027-01-31 18:00:30\"\n", "").Replace(profile)
	present := there(t, connector, once)
	present.Now = now.AddDate(1, 0, 0)
	plan, err := declare.NewPlan(present, parse(t, strings.Replace(once, "shrinkPercent: 30", "shrinkPercent: 31", 1)))
	require.NoError(t, err)
	require.Equal(t, []string{"update profile acme-apps"}, deeds(plan))
}

func TestProfilesMayChangeTheirMapTogether(t *testing.T) {
	t.Parallel()
	both := profile + "---\n" + strings.Replace(profile, "acme-apps", "rival", 1)
	plan, err := declare.NewPlan(there(t, connector, both), parse(t, userMap, strings.ReplaceAll(both, ": qualys-tas-application", ": acme-application")))
	require.NoError(t, err)
	require.Len(t, plan.Writes.Profiles, 2)
}

func TestCertificatesAreWrittenAsABlockAndShownShort(t *testing.T) {
	t.Parallel()
	const bundle = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
	document := declare.OfConnector(catalog.Connector{Name: "acme", Provider: "qualys", Active: true, Settings: map[string]string{"caBundle": bundle}})
	text := write(t, []declare.Document{document})
	require.Contains(t, text, "  caBundle: |\n    -----BEGIN CERTIFICATE-----\n    MIIB\n    -----END CERTIFICATE-----\n")
	require.Equal(t, bundle, parse(t, text)[0].Connector.Settings["caBundle"])

	require.Regexp(t, `^1 certificate \(SHA-256 [0-9a-f]{8}\.\.\.\)$`, declare.Short(bundle))
	require.Contains(t, declare.Short(bundle+bundle), "2 certificates (")
	require.NotEqual(t, declare.Short(bundle), declare.Short(strings.Replace(bundle, "MIIB", "MIIC", 1)), "another one is another one")
	require.Contains(t, declare.Short("a\nb"), "a ... (")
	require.Equal(t, "one line", declare.Short("one line"))
}

func TestAProfileBecomesActiveOnlyOnATestedConnector(t *testing.T) {
	t.Parallel()
	inactive := strings.Replace(profile, "active: true", "active: false", 1)
	moved := strings.Replace(connector, "EU2", "EU1", 1)
	described := connector + "description: ours\n"
	for _, row := range []struct {
		what             string
		before           []string
		apply            []string
		tested, willTest bool
		says             string // empty: nothing stands against it
	}{
		{"a new connector", nil, []string{connector, profile, userMap}, false, false, "acme.yaml:16:9: profile acme-apps: connector acme was never tested as it is now, so that the profile cannot become active: apply with --test"},
		{"a new connector that will be tested", nil, []string{connector, profile, userMap}, false, true, ""},
		{"an inactive profile", nil, []string{connector, inactive}, false, false, ""},
		{"a connector that is there", []string{connector}, []string{profile}, false, false, "test it with 'sluice connectors test acme', or use --force"},
		{"a connector that is there and will not be tested", []string{connector}, []string{profile}, false, true, "test it with"},
		{"a connector that was tested", []string{connector}, []string{profile}, true, false, ""},
		{"one that was tested and gets a description", []string{connector}, []string{described, profile}, true, false, ""},
		{"one that was tested and changes", []string{connector}, []string{moved, profile}, true, false, "apply with --test"},
		{"one that becomes active", []string{connector, inactive}, []string{profile}, false, false, "never tested"},
		{"one that is active", []string{connector, profile}, []string{strings.Replace(profile, "retireAfter: 0", "retireAfter: 1", 1)}, false, false, ""},
	} {
		t.Run(row.what, func(t *testing.T) {
			present := there(t, row.before...)
			present.Tested, present.WillTest = func(catalog.Connector) bool { return row.tested }, row.willTest
			_, err := declare.NewPlan(present, parse(t, row.apply...))
			if row.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.says)
		})
	}
}

func TestACertificateThatIsNotAtHandIsNoMistake(t *testing.T) {
	t.Parallel()
	tls := connector + "  tlsCertificate:\n    secretRef: file:/nowhere/pair.pem\n"
	azure := "kind: connector\nname: cloud\nprovider: azure\nsettings:\n  tenantId: t\n  clientId: c\nsecrets:\n  clientCertificate:\n    secretRef: file:/nowhere/pair.pem\n"
	present := there(t, tls, azure)
	require.Len(t, present.Connectors, 2)
	plan, err := declare.NewPlan(present, parse(t, strings.ReplaceAll(tls, "EU2", "EU1"), azure+"description: ours\n"))
	require.NoError(t, err)
	require.Len(t, plan.Writes.Connectors, 2)
}
