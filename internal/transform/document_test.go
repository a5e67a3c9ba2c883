package transform

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bomb is YAML whose aliases stand for far more than it has in it.
func bomb() string {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 12 {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	return text
}

func TestFilesThatAreMadeToHurtAreRefused(t *testing.T) {
	t.Parallel()
	head := "name: file.x\nsource: qualys-tas.application\ntarget: inventory\n"
	for name, c := range map[string]struct{ text, says string }{
		"aliases of aliases":       {bomb() + head + "rows: *a12\n", "must be a list"},
		"an alias of itself":       {head + "rows: &a [*a, {from: *a, to: b}]\n", "must be a mapping"},
		"merged keys":              {"a: &a {name: x}\n" + head + "<<: [*a, *a]\nrows: []\n", "has a key that is not plain text"},
		"lists in lists":           {head + "rows: " + strings.Repeat("[", 100_000), "exceeded max depth"},
		"mappings in mappings":     {head + "rows: " + strings.Repeat("{a: ", 50_000), "exceeded max depth"},
		"blocks in blocks":         {head + "rows:\n" + strings.Repeat("- ", 100_000) + "x\n", "exceeded max depth"},
		"more than a file may be":  {head + "description: " + strings.Repeat("x", maxFileBytes), "is larger than 256 KiB"},
		"very many documents":      {strings.Repeat("--- {}\n", 30_000), "has a second document"},
		"very many problems":       {head + "rows:\n" + strings.Repeat("- {}\n", 50_000), ""},
		"a tag that is not text's": {head + "rows: !!binary '=='\n", "must be a list"},
	} {
		for form, parse := range map[string]func() error{
			"map": func() error { _, err := ParseMap("x.yaml", []byte(c.text)); return err },
			"model": func() error {
				_, err := ParseModel("x.yaml", []byte(strings.Replace(c.text, "rows:", "fields:", 1)))
				return err
			},
		} {
			err := parse()
			require.IsType(t, Problems{}, err, "%s as %s", name, form)
			require.Contains(t, err.Error(), c.says, "%s as %s", name, form)
			require.Less(t, len(err.Error()), 1<<14, "%s as %s", name, form)
		}
	}
}

func TestTablesThatAreMadeToHurtAreRefused(t *testing.T) {
	t.Parallel()
	head := "name,x\nsourceModel,qualys-tas.application\ntargetModel,inventory\n"
	for name, table := range map[string]string{
		"very many columns":    head + strings.Repeat(",", 200_000),
		"very many rows":       head + "source,target\n" + strings.Repeat("a\n", 100_000),
		"a quote never closed": head + "source,target\n\"" + strings.Repeat("a,", 100_000),
		"more than it may be":  head + strings.Repeat("x", 1<<20),
		"a table deep in one":  head + "source,target,values\na,b,\"" + strings.Repeat(`{""a"":`, 20_000) + "\"\n",
	} {
		_, err := ParseCSV("x.csv", []byte(table))
		require.IsType(t, Problems{}, err, name)
		require.NotEmpty(t, err.Error(), name)
		require.Less(t, len(err.Error()), 1<<14, name)
	}
}

func TestRecordsThatAreMadeToHurtAreRejected(t *testing.T) {
	t.Parallel()
	p := everything(t)
	for name, c := range map[string]struct{ record, reason string }{
		"lists in lists":     {`{"id":1,"x":` + strings.Repeat("[", 1<<20), "is nested deeper than 64 levels"},
		"an attribute of it": {`{"id":1,"uuid":` + strings.Repeat(`{"a":`, 1<<16), "is nested deeper than 64 levels"},
		"one long text":      {`{"id":1,"name":"` + strings.Repeat("x", 64<<20) + `"}`, "is longer than the target takes"},
		"one long name":      {`{"id":1,"` + strings.Repeat("x", 1<<20) + `":}`, "not valid JSON"},
		"one long number":    {`{"id":1,"createdDate":` + strings.Repeat("9", 1<<20) + `}`, "is not a time"},
	} {
		asset, rejects := p.NewApplier().Apply([]byte(c.record))
		require.Nil(t, asset, name)
		require.Len(t, rejects, 1, name)
		require.Contains(t, rejects[0].Reason, c.reason, name)
		requireBounds(t, asset, rejects)
	}
	many := []byte(`{"id":1,"findings":[` + string(bytes.TrimSuffix(bytes.Repeat([]byte(`{},`), 200_000), []byte(","))) + `]}`)
	asset, rejects := p.NewApplier().Apply(many)
	require.Len(t, rejects, 200_000, "one for each, as each is a finding that somebody may look for")
	require.Empty(t, asset.Findings)
}
