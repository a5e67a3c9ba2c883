package declare_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/declare"
	"sluice/internal/transform"
)

const (
	userModel = `kind: model
name: file.scans
title: Scans
role: source
description: What the scanner exports.
fields:
  - path: host
    type: string
    required: true
    description: Name of the host.
    evidence: inferred
  - path: state
    type: string
    values:
      - open
      - "0"
    description: Whether it is open.
    evidence: inferred
`
	scansMap = `kind: map
name: scans
source: file.scans
target: inventory
assetClass: host
rows:
  - from: host
    to: asset.assetHeader.externalAssetId
`
)

func TestModelsAreAppliedBeforeTheMapsThatReadThem(t *testing.T) {
	t.Parallel()
	documents := parse(t, scansMap, userModel)
	plan, err := declare.NewPlan(nothing(t), documents)
	require.NoError(t, err)
	require.Equal(t, []string{"create model file.scans", "create map scans"}, deeds(plan), "wherever they stand")
	require.Len(t, plan.Writes.Models, 1)
	require.Contains(t, plan.Changes[0].Fields, declare.FieldChange{Field: "fields.host", New: `string, required, description "Name of the host.", evidence "inferred"`})

	present := there(t, userModel)
	plan, err = declare.NewPlan(present, documents)
	require.NoError(t, err)
	require.Equal(t, []string{"unchanged model file.scans", "create map scans"}, deeds(plan))
	require.Empty(t, plan.Writes.Models)

	more := userModel + "  - path: port\n    type: int\n    description: Port.\n    evidence: inferred\n"
	plan, err = declare.NewPlan(present, parse(t, more))
	require.NoError(t, err)
	require.Equal(t, []declare.FieldChange{{Field: "fields.port", New: `int, description "Port.", evidence "inferred"`}}, plan.Changes[0].Fields)

	present.CheckModel = func(m *transform.Model) error { return errors.New("map scans reads it") }
	_, err = declare.NewPlan(present, documents)
	require.NoError(t, err, "nothing changes")
	_, err = declare.NewPlan(present, parse(t, strings.Replace(userModel, "type: string", "type: int", 1)))
	require.EqualError(t, err, "acme.yaml:7:3: model file.scans: map scans reads it")
}

func TestAMapOfAWrongModelIsNotBlamedForIt(t *testing.T) {
	t.Parallel()
	_, err := declare.Parse(declare.File{Name: "maps.yaml", Data: []byte(scansMap)},
		declare.File{Name: "models.yaml", Data: []byte(strings.Replace(userModel, "type: string", "type: strng", 1))})
	require.EqualError(t, err, `models.yaml:7:5: field "host" has the unknown type "strng"; did you mean "string"?`)
	_, err = declare.Parse(declare.File{Name: "maps.yaml", Data: []byte(strings.Replace(scansMap, "from: host", "from: hots", 1))},
		declare.File{Name: "models.yaml", Data: []byte(userModel)})
	require.ErrorContains(t, err, `maps.yaml:7:11: row 1: file.scans has no field "hots"; did you mean "host"?`)
}

func TestAModelIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	require.Equal(t, userModel+"---\n"+scansMap, write(t, parse(t, userModel, scansMap)))
	text, err := json.Marshal(parse(t, userModel, scansMap))
	require.NoError(t, err)
	require.Equal(t, userModel+"---\n"+scansMap, write(t, parse(t, string(text))), "by JSON, too")

	rapid.Check(t, func(rt *rapid.T) {
		words := rapid.OneOf(rapid.StringMatching(`[ -~é\n]{1,9}`), rapid.SampledFrom([]string{"yes", "1e3", "\n a", "null", "# x", "a\r\nb", "2027-01-31", "{", "\u0085"}))
		m := &transform.Model{Name: "file." + rapid.StringMatching(`[a-z0-9]{1,5}`).Draw(rt, "name"), Title: words.Draw(rt, "title"), Role: transform.SourceRole,
			Description: words.Draw(rt, "description"), Records: rapid.SampledFrom([]string{"", transform.RecordsAreFindings}).Draw(rt, "records")}
		for _, path := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,4}`), 1, 5, rapid.ID).Draw(rt, "paths") {
			m.Fields = append(m.Fields, transform.Field{Path: path, Type: rapid.SampledFrom([]transform.Type{transform.String, transform.Int, transform.Object}).Draw(rt, "type"),
				Required: rapid.Bool().Draw(rt, "required"), Values: rapid.SliceOfN(words, 0, 2).Draw(rt, "values"), Example: words.Draw(rt, "example"),
				Description: words.Draw(rt, "of the field"), Evidence: "inferred", Note: words.Draw(rt, "note")})
		}
		text, err := declare.YAML([]declare.Document{declare.OfModel(m)})
		require.NoError(rt, err)
		again, err := declare.Parse(declare.File{Data: text})
		require.NoError(rt, err, "%s", text)
		was, err := transform.WriteModel(m)
		require.NoError(rt, err)
		is, err := transform.WriteModel(again[0].Model)
		require.NoError(rt, err)
		require.Equal(rt, string(was), string(is))
	})
}
