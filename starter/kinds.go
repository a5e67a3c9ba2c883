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

// kindView is a kind as it is shown.
type kindView struct {
	Name       string          `json:"name"`
	Title      string          `json:"title"`
	Provider   string          `json:"provider"`
	AssetTypes []assetTypeView `json:"assetTypes"`
	Filters    []filterView    `json:"filters"`
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
	v := kindView{Name: k.Name(), Title: k.Title(), Provider: k.Provider(), Filters: []filterView{}}
	for _, t := range k.AssetTypes() {
		v.AssetTypes = append(v.AssetTypes, assetTypeView{t.Name, t.Role, t.Class, t.Model, t.Map})
	}
	for _, f := range k.Filters() {
		v.Filters = append(v.Filters, filterView{f.Name, f.Help})
	}
	return v
}

var kindColumns = []column[kindView]{
	{"name", func(k kindView) any { return k.Name }},
	{"title", func(k kindView) any { return k.Title }},
	{"provider", func(k kindView) any { return k.Provider }},
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
			return printList(a, views, kindColumns)
		},
	}
}

func newKindsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show KIND",
		Short:   "Show a kind: its asset types, their maps, and the filters that a profile can have",
		Example: "  sluice kinds show " + kindNames()[0],
		Args:    oneArgument("kind"),
		RunE: func(_ *cobra.Command, args []string) error {
			k, err := kinds.Find(args[0])
			if err != nil {
				return err
			}
			v := viewKind(k)
			if !a.forTables() {
				return printOne(a, v, kindColumns)
			}
			summary := slices.DeleteFunc(slices.Clone(kindColumns), func(c column[kindView]) bool { return c.name == "assetTypes" || c.name == "filters" })
			if err := printOne(a, v, summary); err != nil {
				return err
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
