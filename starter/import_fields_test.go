package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/transform"
)

func TestFieldsThatOnlyAFileOrItsModelHas(t *testing.T) {
	t.Parallel()
	hosts := &transform.Model{Name: "file.hosts", Fields: []transform.Field{
		{Path: "id", Required: true}, {Path: "ip"}, {Path: "owner", Type: transform.Object}, {Path: "owner.name", Required: true},
		{Path: "tags", Type: transform.Array}, {Path: "tags[]", Required: true},
	}}
	apis := &transform.Model{Name: "file.apis", Fields: []transform.Field{{Path: "id"}, {Path: "basePath", Required: true}}}
	var many []string
	for i := range 12 {
		many = append(many, fmt.Sprintf("x%d", i))
	}
	for name, c := range map[string]struct {
		models expectedFields
		names  []string
		notes  []string
		err    string
	}{
		"all of them":            {expectedFields{hosts}, []string{"tags", "owner", "id", "ip"}, nil, ""},
		"no record, so no field": {expectedFields{hosts}, nil, nil, ""},
		"a capital letter":       {expectedFields{hosts}, []string{"tags", "owner", "Id", "ip"}, nil, "it has no column id (it has Id), which every record of file.hosts has to have: nothing was imported"},
		"a name that is renamed": {expectedFields{hosts}, []string{"tags", "ownr", "id", "IP"}, []string{
			"the file has no column ip (it has IP), owner (it has ownr), which data model file.hosts has",
			"columns that no map of the profile knows are left out: ownr, IP"}, ""},
		"short names, alike and not the same": {expectedFields{hosts}, []string{"tags", "owner", "id", "op"}, []string{
			"the file has no column ip, which data model file.hosts has", "columns that no map of the profile knows are left out: op"}, ""},
		"what one of two models knows": {expectedFields{hosts, apis}, []string{"id", "ip", "owner", "tags", "basePath"}, nil, ""},
		"what one of two models needs": {expectedFields{hosts, apis}, []string{"id", "ip", "owner", "tags"}, nil, "it has no column basePath, which every record of file.apis has to have: nothing was imported"},
		"many": {expectedFields{hosts}, append([]string{"tags", "owner", "id", "ip"}, many...), []string{
			"columns that no map of the profile knows are left out: x0, x1, x2, x3, x4, x5, x6, x7, x8, x9 and 2 more"}, ""},
	} {
		notes, err := c.models.compare("column", c.names)
		require.Equal(t, c.notes, notes, name)
		if c.err != "" {
			require.EqualError(t, err, c.err, name)
			continue
		}
		require.NoError(t, err, name)
	}
}
