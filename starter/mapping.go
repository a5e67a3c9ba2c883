package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice/internal/transform"
)

// newMapping is the help topic that has in short what docs/maps.md explains.
func newMapping() *cobra.Command {
	return &cobra.Command{
		Use:   "mapping",
		Short: "How a transform map is written: keys, conversions and functions",
		Long:  mappingHelp(),
	}
}

const mappingIntroduction = `A transform map is a YAML file, or a table in CSV, whose rows say which field of a
record fills which field of the inventory:

  name: acme-apps
  source: qualys-tas.application
  target: inventory
  assetClass: application
  when: record.id != '4711'
  rows:
    - from: id
      to: asset.assetHeader.externalAssetId
    - from: findings[].id
      to: findingGroup.findings[].externalFindingId
    - expr: finding.?title.orValue('without a title')
      to: findingGroup.findings[].name

'sluice models fields MODEL' lists the fields. A list's elements are meant by [].
Any name can follow asset.assetDetail.attributes. and findingGroup.findings[].attributes.
`

const mappingExpressions = `
Expressions are CEL (https://cel.dev). They see "record" and, in rows and conditions
of findings, "finding". record.name rejects a record that has no name; record.?name
may be none. A name that is no identifier stands in backticks: record.` + "`Host-Nr`" + `.
`

// mappingHelp is the text of the topic, with what the code itself takes.
func mappingHelp() string {
	var b strings.Builder
	b.WriteString(mappingIntroduction)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	keys := func(title string, of []transform.KeyReference) {
		fmt.Fprintf(table, "\n%s\n\n", title)
		for _, k := range of {
			fmt.Fprintf(table, "  %s\t%s\t%s\n", k.Key, k.Column, k.Says)
		}
		_ = table.Flush() // to memory, as all here
	}
	keys("Keys of a map, and what they are called in CSV:", transform.MapKeys())
	keys("Keys of a row, and the headings of their columns in CSV:", transform.RowKeys())
	fmt.Fprint(table, "\nConversions, with some values that they take, and some that they reject:\n\n")
	for _, c := range transform.Conversions() {
		fmt.Fprintf(table, "  %s\t%s\n  \trejects %s\n", c.Name, strings.Join(c.Takes, ", "), strings.Join(c.Rejects, ", "))
	}
	_ = table.Flush()
	b.WriteString(mappingExpressions)
	fmt.Fprintf(&b, "Of the record\n\n %s\n\nthey give:\n\n", transform.ExampleRecord)
	for _, f := range transform.Functions() {
		fmt.Fprintf(&b, "  %s\n      %s   gives %s\n", strings.Join(f.Names, " "), f.Example, f.Gives)
	}
	fmt.Fprint(table, "\nLimits:\n\n")
	for _, l := range transform.MapLimits() {
		fmt.Fprintf(table, "  %s\t%s\n", l.Of, l.Is)
	}
	_ = table.Flush()
	return b.String()
}
