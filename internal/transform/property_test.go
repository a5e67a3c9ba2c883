package transform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// everything reads most of a record: typed fields, attributes, defaults.
func everything(t testing.TB) *Program {
	return compiled(t,
		"name -> asset.assetDetail.name",
		"url -> asset.assetDetail.applicationAssetClass.baseUrl",
		"createdDate -> asset.assetDetail.sourceCreatedAt",
		"updatedDate -> asset.assetDetail.attributes.updated, convert: timestamp",
		"uuid -> asset.assetDetail.attributes.uuid, default: none",
		"findings[].id -> findingGroup.findings[].externalFindingId",
		"findings[].title -> findingGroup.findings[].name",
		"findings[].severity -> findingGroup.findings[].severity",
		"findings[].cveIds -> findingGroup.findings[].attributes.cves",
		"findings[].qid -> findingGroup.findings[].attributes.qid, convert: int",
	)
}

// member is a field of a JSON object.
type member struct{ name, value string }

func object(members []member) string {
	var b strings.Builder
	for i, m := range members {
		fmt.Fprintf(&b, "%c%q: %s", "{,"[min(i, 1)], m.name, m.value)
	}
	if len(members) == 0 {
		b.WriteByte('{')
	}
	return b.String() + " }"
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// drawMembers draws some of the fields, each with a good or a bad value.
func drawMembers(t *rapid.T, names ...string) []member {
	id := rapid.OneOf(rapid.Just(`"x"`), rapid.Map(rapid.IntRange(1, 9), func(i int) string { return fmt.Sprint(i) }),
		rapid.SampledFrom([]string{"null", `""`, "{}", "true"}))
	text := rapid.OneOf(rapid.Map(rapid.String(), quoted), rapid.SampledFrom([]string{"1.5", "null", "[]", "false"}))
	date := rapid.SampledFrom([]string{`"2025-01-31T09:30:00Z"`, "1738315800123", `"soon"`, "null"})
	severity := rapid.SampledFrom([]string{"1", `"5"`, "3", "2", "4", "6", `"high"`, "null"})
	tree := rapid.SampledFrom([]string{`{"b":1,"a":[{"d":2,"c":"\u00e9"}]}`, `["CVE-2025-1"]`, "[[]]", `{"a":1,"a":2}`})
	generators := map[string]*rapid.Generator[string]{
		"id": id, "name": text, "url": text, "title": text, "uuid": tree, "cveIds": tree,
		"createdDate": date, "updatedDate": date, "severity": severity, "qid": id,
	}
	var members []member
	for _, name := range names {
		if rapid.IntRange(0, 9).Draw(t, "has "+name) > 0 {
			members = append(members, member{name, generators[name].Draw(t, name)})
		}
	}
	return members
}

type drawn struct {
	asset    []member
	findings [][]member
}

func drawRecord(t *rapid.T) drawn {
	d := drawn{asset: drawMembers(t, "id", "name", "url", "createdDate", "updatedDate", "uuid")}
	for range rapid.IntRange(0, 20).Draw(t, "findings") {
		d.findings = append(d.findings, drawMembers(t, "id", "title", "severity", "cveIds", "qid"))
	}
	return d
}

// text writes the record, each object's fields passed through arrange.
func (d drawn) text(arrange func([]member) []member) []byte {
	var findings []string
	for _, f := range d.findings {
		findings = append(findings, object(arrange(f)))
	}
	return []byte(object(arrange(append(slices.Clone(d.asset), member{"findings", "[" + strings.Join(findings, " , ") + "]"}))))
}

func asIs(members []member) []member { return members }

func TestTheOrderOfFieldsDoesNotMatter(t *testing.T) {
	t.Parallel()
	applier := everything(t).NewApplier()
	rapid.Check(t, func(t *rapid.T) {
		d := drawRecord(t)
		asset, rejects := applier.Apply(d.text(asIs))
		shuffled, others := applier.Apply(d.text(func(m []member) []member { return rapid.Permutation(m).Draw(t, "order") }))
		require.Equal(t, asset, shuffled)
		require.Equal(t, rejects, others)
	})
}

func TestUnknownFieldsDoNotMatter(t *testing.T) {
	t.Parallel()
	applier := everything(t).NewApplier()
	rapid.Check(t, func(t *rapid.T) {
		d := drawRecord(t)
		asset, rejects := applier.Apply(d.text(asIs))
		more, others := applier.Apply(d.text(func(m []member) []member {
			extra := member{"x" + rapid.StringMatching(`[a-z]{0,5}`).Draw(t, "name"), rapid.SampledFrom([]string{
				"1", `"\u0000"`, `{"id":9,"findings":[{"severity":9}]}`, "[[1],{}]", `{"a":1,"a":2}`,
			}).Draw(t, "extra")}
			return slices.Insert(slices.Clone(m), rapid.IntRange(0, len(m)).Draw(t, "at"), extra)
		}))
		require.Equal(t, asset, more)
		require.Equal(t, rejects, others)
	})
}

func TestApplyingTwiceGivesTheSame(t *testing.T) {
	t.Parallel()
	program := everything(t)
	applier := program.NewApplier()
	rapid.Check(t, func(t *rapid.T) {
		record := drawRecord(t).text(asIs)
		asset, rejects := applier.Apply(record)
		again, others := applier.Apply(record)
		fresh, third := program.NewApplier().Apply(record)
		require.Equal(t, asset, again)
		require.Equal(t, rejects, others)
		require.Equal(t, asset, fresh)
		require.Equal(t, rejects, third)
	})
}

// Nothing is lost: each finding is in the asset, rejected, or a counted repeat.
func TestEveryFindingIsAccountedFor(t *testing.T) {
	t.Parallel()
	applier := everything(t).NewApplier()
	rapid.Check(t, func(t *rapid.T) {
		d := drawRecord(t)
		before := applier.Repeated()
		asset, rejects := applier.Apply(d.text(asIs))
		if asset == nil {
			require.Len(t, rejects, 1)
			require.Equal(t, -1, rejects[0].Finding)
			return
		}
		require.Equal(t, len(d.findings), len(asset.Findings)+len(rejects)+applier.Repeated()-before)
		requireBounds(t, asset, rejects)
	})
}

// requireBounds checks what every result has to hold.
func requireBounds(t require.TestingT, asset *Asset, rejects []Reject) {
	for _, r := range rejects {
		require.NotEmpty(t, r.Reason)
		require.LessOrEqual(t, len(r.Value), maxRejectText)
		require.LessOrEqual(t, len(r.Reason), 2*maxRejectText)
		require.NotContains(t, r.Value+r.Reason, "\x00")
	}
	if asset == nil {
		return
	}
	texts := []string{asset.Name, asset.BaseURL, asset.SpecificationURL}
	ids := []string{asset.ExternalID}
	attributes := [][]byte{asset.Attributes}
	seen := map[string]bool{}
	for _, f := range asset.Findings {
		texts, ids, attributes = append(texts, f.Name), append(ids, f.ExternalID), append(attributes, f.Attributes)
		require.GreaterOrEqual(t, f.Severity, int16(0))
		require.LessOrEqual(t, f.Severity, int16(5))
		require.False(t, seen[f.ExternalID], "id twice")
		seen[f.ExternalID] = true
	}
	for _, id := range ids {
		require.NotEmpty(t, id)
		require.LessOrEqual(t, len(id), 1024)
	}
	for _, text := range append(texts, ids...) {
		require.LessOrEqual(t, len(text), 8192)
		require.Equal(t, strings.ToValidUTF8(text, "?"), text)
		require.NotContains(t, text, "\x00")
	}
	for _, object := range attributes {
		if object == nil {
			continue
		}
		require.True(t, json.Valid(object), "%s", object)
		require.True(t, bytes.HasPrefix(object, []byte("{")))
	}
}
