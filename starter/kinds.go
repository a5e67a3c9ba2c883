package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

func newKinds(a *app) *cobra.Command {
	return group("kinds", "What can be read, and from whom",
		"A kind is a product of a vendor that Sluice reads. A profile names one, and which\nof its asset types it brings in.",
		"  sluice kinds list\n  sluice kinds show "+kindNames()[0],
		newKindsList(a), newKindsShow(a))
}

// kindView is a kind as it is shown: its capability card, asset types and
// filters.
type kindView struct {
	Name            string          `json:"name"`
	Title           string          `json:"title"`
	Provider        string          `json:"provider"`
	Vendor          string          `json:"vendor"`
	Product         string          `json:"product"`
	Category        string          `json:"category"`
	Application     string          `json:"application"` // that a connection test uses
	Assets          string          `json:"assets"`
	Findings        string          `json:"findings"`
	Version         string          `json:"version"`
	IntegrationType string          `json:"integrationType"`
	Authentication  []string        `json:"authentication"`
	Direction       string          `json:"direction"`
	Delta           string          `json:"delta"`
	AssetTypes      []assetTypeView `json:"assetTypes"`
	Filters         []filterView    `json:"filters"`
	Permissions     []string        `json:"permissions"` // steps
}

type assetTypeView struct {
	Name  string      `json:"name"`
	Role  source.Role `json:"role"`
	Class string      `json:"class"` // of the inventory; empty for reference data
	Model string      `json:"model"`
	Map   string      `json:"map"` // the default one
}

type filterView struct {
	Name string `json:"name"`
	Help string `json:"help"`
}

func viewKind(k source.Kind) kindView {
	card := k.Card()
	v := kindView{
		Name: k.Name(), Title: k.Title(), Provider: k.Provider(),
		Vendor: card.Vendor, Product: card.Product, Category: card.Category, Application: card.Application, Assets: card.Assets, Findings: card.Findings,
		Version: card.Version, IntegrationType: card.IntegrationType, Direction: card.Direction, Delta: card.Delta,
		Authentication: append([]string{}, card.Authentication...), Permissions: append([]string{}, card.Permissions...), Filters: []filterView{},
	}
	for _, t := range k.AssetTypes() {
		v.AssetTypes = append(v.AssetTypes, assetTypeView{t.Name, t.Role, t.Class, t.Model, t.Map})
	}
	for _, f := range k.Filters() {
		v.Filters = append(v.Filters, filterView{f.Name, f.Help})
	}
	return v
}

// cardColumns are what a kind's card says, but for its lists.
var cardColumns = []column[kindView]{
	{"vendor", func(k kindView) any { return k.Vendor }},
	{"product", func(k kindView) any { return k.Product }},
	{"category", func(k kindView) any { return k.Category }},
	{"application", func(k kindView) any { return k.Application }},
	{"assets", func(k kindView) any { return k.Assets }},
	{"findings", func(k kindView) any { return k.Findings }},
	{"version", func(k kindView) any { return k.Version }},
	{"integrationType", func(k kindView) any { return k.IntegrationType }},
	{"direction", func(k kindView) any { return k.Direction }},
	{"delta", func(k kindView) any { return k.Delta }},
}

var kindColumns = []column[kindView]{
	{"name", func(k kindView) any { return k.Name }},
	{"title", func(k kindView) any { return k.Title }},
	{"provider", func(k kindView) any { return k.Provider }},
	{"application", func(k kindView) any { return k.Application }},
	{"category", func(k kindView) any { return k.Category }},
	{"filters", func(k kindView) any {
		var names []string
		for _, f := range k.Filters {
			names = append(names, f.Name)
		}
		return names
	}},
	{"assetTypes", func(k kindView) any {
		var types []string
		for _, t := range k.AssetTypes {
			types = append(types, t.Name+" ("+string(t.Role)+")")
		}
		return strings.Join(types, ", ")
	}},
}

// wholeKind are all columns of a kind, each once.
func wholeKind() []column[kindView] {
	columns := slices.Concat(kindColumns, []column[kindView]{
		{"authentication", func(k kindView) any { return strings.Join(k.Authentication, "; ") }},
		{"permissions", func(k kindView) any { return strings.Join(k.Permissions, "; ") }},
	})
	for _, c := range cardColumns {
		if !slices.ContainsFunc(columns, func(other column[kindView]) bool { return other.name == c.name }) {
			columns = append(columns, c)
		}
	}
	return columns
}

var assetTypeColumns = []column[assetTypeView]{
	{"name", func(t assetTypeView) any { return t.Name }},
	{"role", func(t assetTypeView) any { return string(t.Role) }},
	{"class", func(t assetTypeView) any { return t.Class }},
	{"model", func(t assetTypeView) any { return t.Model }},
	{"map", func(t assetTypeView) any { return t.Map }},
}

var filterColumns = []column[filterView]{
	{"name", func(f filterView) any { return f.Name }},
	{"help", func(f filterView) any { return f.Help }},
}

func newKindsList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the kinds with their asset types and filters",
		Example: "  sluice kinds list\n  sluice kinds list --output json",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			var views []kindView
			for _, k := range kinds.All() {
				views = append(views, viewKind(k))
			}
			if a.forTables() {
				return printList(a, views, kindColumns)
			}
			return printList(a, views, wholeKind())
		},
	}
}

func newKindsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show KIND",
		Short: "Show a kind: what it reads, how it signs in, and what permissions that takes",
		Long: `Show a kind: its capability card, the steps by which an account gets the
permissions that it takes, its asset types with their maps, and the filters that a
profile can have.`,
		Example: "  sluice kinds show " + kindNames()[0],
		Args:    oneArgument("kind"),
		RunE: func(_ *cobra.Command, args []string) error {
			k, err := kinds.Find(args[0])
			if err != nil {
				return err
			}
			v := viewKind(k)
			if !a.forTables() {
				return printOne(a, v, wholeKind())
			}
			if err := printOne(a, v, slices.Concat(kindColumns[:3], cardColumns)); err != nil {
				return err
			}
			a.say("\nAuthentication, any of:")
			for _, way := range v.Authentication {
				a.say("  - %s", way)
			}
			a.say("\nPermissions, step by step:")
			for i, step := range v.Permissions {
				a.say("  %d. %s", i+1, step)
			}
			a.say("")
			if err := printList(a, v.AssetTypes, assetTypeColumns); err != nil {
				return err
			}
			if len(v.Filters) == 0 {
				a.say("\nIt has no filters: it reads everything that the account sees.")
				return nil
			}
			a.say("")
			return printList(a, v.Filters, filterColumns)
		},
	}
}
