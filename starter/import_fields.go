package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/suggest"
	"sluice/internal/transform"
)

// expectedFields are those that records of a profile's files have, as the data
// models say that its maps read.
type expectedFields []*transform.Model

func (a *app) expectedFields(ctx context.Context, p catalog.Profile) (models expectedFields, err error) {
	store, err := a.catalog(ctx)
	if err != nil {
		return nil, err
	}
	all, err := store.Models(ctx)
	if err != nil {
		return nil, err
	}
	for _, assetType := range slices.Sorted(maps.Keys(p.Maps)) {
		m, err := store.LatestMap(ctx, p.Maps[assetType])
		if err != nil {
			return nil, err
		}
		if model := all.Get(m.SourceModel); model != nil && !slices.Contains(models, model) {
			models = append(models, model)
		}
	}
	return models, nil
}

// compare looks for names of fields that a file has and the models have not, and
// the other way round. It is an error when one is missing that every record has
// to have. A file without any names has no records either. what tells what has
// names: "column" or "field".
func (e expectedFields) compare(what string, names []string) (notes []string, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	known := make(map[string]bool)
	for _, model := range e {
		for _, f := range model.Fields {
			known[f.Path] = true
		}
	}
	unknown := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return known[name] })
	var errs []string
	for _, model := range e {
		var required, optional []string
		for _, f := range model.Fields {
			switch {
			case strings.ContainsAny(f.Path, ".["), slices.Contains(names, f.Path):
			case f.Required:
				required = append(required, missing(f.Path, unknown))
			default:
				optional = append(optional, missing(f.Path, unknown))
			}
		}
		if len(required) > 0 {
			errs = append(errs, fmt.Sprintf("it has no %s %s, which every record of %s has to have", what, some(required), model.Name))
		}
		if len(optional) > 0 {
			notes = append(notes, fmt.Sprintf("the file has no %s %s, which data model %s has", what, some(optional), model.Name))
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("%s: nothing was imported", strings.Join(errs, "; "))
	}
	if len(unknown) > 0 {
		notes = append(notes, fmt.Sprintf("%ss that no map of the profile knows are left out: %s", what, some(unknown)))
	}
	return notes, nil
}

// missing is a name that is missing, with the one that may stand for it. Short
// names are near to each other whatever they mean, such as ip and id.
func missing(name string, unknown []string) string {
	const short = 3
	if near := suggest.Nearest(name, unknown); near != "" && (len(name) > short || strings.EqualFold(near, name)) {
		return name + " (it has " + near + ")"
	}
	return name
}

// some names the first of many.
func some(names []string) string {
	if more := len(names) - shownFields; more > 0 {
		return strings.Join(names[:shownFields], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
