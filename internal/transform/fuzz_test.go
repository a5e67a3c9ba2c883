package transform

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"sluice/schema"
)

func FuzzApply(f *testing.F) {
	f.Add([]byte(`{"id":1,"name":"x","findings":[{"id":2,"severity":3,"title":"t","cveIds":["a"],"qid":7}]}`))
	f.Add([]byte(`{"findings":[{"severity":"5"},null,[],{"id":{},"id":1}],"id":"\ud800\u0000"}`))
	f.Add([]byte(`{"id":1,"uuid":{"b":[1e400,"\u0000"],"a":-0},"updatedDate":"2025-01-31T09:30:00.123+0000"}`))
	f.Add([]byte("{\"id\":\"\xff\",\"na\\u006de\":1e9} {}"))
	f.Add([]byte(`{"findings":{"id":1},"createdDate":253402300800000`))
	f.Add(bytes.Repeat([]byte(`{"a":[`), 50))
	f.Add(applicationRecord(1))
	f.Add([]byte(`{"id":7,"severity":"4","status":"ACTIVE","qid":"1","app":{"id":"42","tags":{"list":[{}]}}}`))
	program, ofFindings := everything(f), findingProgram(f)
	f.Fuzz(func(t *testing.T, record []byte) {
		before := bytes.Clone(record)
		single, alone := ofFindings.NewApplier().Apply(record)
		requireBounds(t, single, alone)
		require.NotEqual(t, single == nil, len(alone) == 0, "taken or rejected")
		applier := program.NewApplier()
		asset, rejects := applier.Apply(record)
		require.Equal(t, before, record)
		requireBounds(t, asset, rejects)
		require.True(t, asset != nil || len(rejects) == 1, "neither taken nor rejected")
		again, others := applier.Apply(record)
		require.Equal(t, asset, again)
		require.Equal(t, rejects, others)
	})
}

func FuzzParseMap(f *testing.F) {
	maps := schema.Maps()
	for _, name := range []string{"qualys-tas-application.yaml", "qualys-tas-api-collection.yaml"} {
		file, err := maps.Open(name)
		require.NoError(f, err)
		var text bytes.Buffer
		_, err = text.ReadFrom(file)
		require.NoError(f, err)
		require.NoError(f, file.Close())
		f.Add(text.Bytes())
	}
	head := "name: x\nsource: qualys-tas.application\ntarget: inventory\nrows:\n"
	f.Add([]byte(head + "  - {from: id, to: asset.assetHeader.externalAssetId, default: 1, convert: string}\n"))
	f.Add([]byte(head + "  - {from: name, to: asset.assetDetail.attributes.x, values: {1: 2, a: true, b: 'c'}}\n"))
	f.Add([]byte("a: &a [*a, *a]\n<<: {b: c}\n--- \n"))
	models := defaultModels(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMap("map.yaml", text)
		if err != nil {
			require.IsType(t, Problems{}, err)
			require.NotEmpty(t, err)
			return
		}
		p, err := Compile(m, models)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		asset, rejects := p.NewApplier().Apply(applicationRecord(1))
		requireBounds(t, asset, rejects)
	})
}

func FuzzParsePath(f *testing.F) {
	for _, path := range []string{"id", "findings[].severity", "a[].b[].c", "a[0]", "..", "[]", "a\x00", "\xff", "*"} {
		f.Add(path)
	}
	model := defaultModels(f).Get("inventory")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePath(text)
		if err != nil {
			require.NotContains(t, err.Error(), "\x00")
			return
		}
		require.True(t, utf8.ValidString(text))
		require.Equal(t, text, p.String())
		require.LessOrEqual(t, p.depth(), maxPathSteps)
		model.Field(p)
	})
}
