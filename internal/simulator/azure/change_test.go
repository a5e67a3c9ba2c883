package azure_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/azure"
)

func (c *client) truth() map[string]azure.API {
	out := map[string]azure.API{}
	for api := range c.sim.Revisions() {
		out[api.ID] = api
	}
	return out
}

func (c *client) advance(change azure.Change) (before, after map[string]azure.API) {
	c.t.Helper()
	before = c.truth()
	c.sim.Pass(6 * time.Hour)
	_, err := c.sim.Advance(change)
	require.NoError(c.t, err)
	c.token = c.signIn(azure.DefaultTenantID, azure.DefaultClientID, azure.DefaultSecret)
	return before, c.truth()
}

func TestTheSameSeedMakesTheSameEstate(t *testing.T) {
	t.Parallel()
	cfg := azure.Config{Subscriptions: 2, Services: 4, APIs: 100, Seed: 9}
	one, two := connect(t, cfg), connect(t, cfg)
	require.Equal(t, one.truth(), two.truth())
	change := azure.Change{Added: 0.1, Removed: 0.1, Edited: 0.2, Silent: 0.1, Described: 0.1, Revised: 0.1}
	_, first := one.advance(change)
	_, second := two.advance(change)
	require.Equal(t, first, second)
	cfg.Seed = 10
	require.NotEqual(t, first, connect(t, cfg).truth())
}

func TestAPIsAreAddedAndRemoved(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 2, Services: 4, APIs: 200})
	before, after := c.advance(azure.Change{Added: 0.1, Removed: 0.05})
	current := func(apis map[string]azure.API) (n int) {
		for _, api := range apis {
			if api.Current {
				n++
			}
		}
		return n
	}
	require.Equal(t, 200, current(before))
	require.Equal(t, 200+20-10, current(after))
	fresh, gone := 0, 0
	for id, api := range after {
		if old, known := before[id]; known {
			require.Equal(t, old, api, "the others are as they were")
			continue
		}
		fresh++
		require.Equal(t, c.sim.Now(), api.Created)
	}
	for id, api := range before {
		if _, known := after[id]; !known {
			gone++
			require.Equal(t, 404, c.get(at(api.ID, "", "2025-09-01-preview")).status)
		}
	}
	require.GreaterOrEqual(t, fresh, 20)
	require.GreaterOrEqual(t, gone, 10)
}

func TestAnEditMovesTheETagAndASilentOneDoesNot(t *testing.T) {
	t.Parallel()
	type difference struct{ document, etag, description, date, revisions int }
	compare := func(change azure.Change) (d difference) {
		c := connect(t, azure.Config{Subscriptions: 2, Services: 4, APIs: 200, Broken: azure.None, Odd: azure.None})
		before, after := c.advance(change)
		for id, api := range after {
			old, known := before[id]
			if !known {
				d.revisions++
				continue
			}
			if string(old.Specification.Data) != string(api.Specification.Data) {
				d.document++
				require.Equal(t, c.exported(api.ID, wanted(api)).header.Get("ETag"), api.ETag)
			}
			if old.ETag != api.ETag {
				d.etag++
			}
			if old.Description != api.Description {
				d.description++
			}
			if !old.Updated.Equal(api.Updated) {
				d.date++
				require.Equal(t, c.sim.Now(), api.Updated)
			}
		}
		return d
	}
	edited := compare(azure.Change{Edited: 0.2})
	require.Equal(t, 40, edited.etag)
	require.Equal(t, 40, edited.date)
	require.InDelta(t, 35, edited.document, 5, "all that have a document")
	require.Zero(t, edited.description)

	silent := compare(azure.Change{Silent: 0.2})
	require.Zero(t, silent.etag)
	require.Zero(t, silent.date)
	require.InDelta(t, 35, silent.document, 5)

	described := compare(azure.Change{Described: 0.2})
	require.Equal(t, difference{etag: 40, description: 40, date: 40}, described)

	require.Equal(t, 40, compare(azure.Change{Revised: 0.2}).revisions)
}

// wanted is the format in which an API's specification is asked for first.
func wanted(api azure.API) string {
	switch api.Type {
	case "soap":
		return "wsdl-link"
	case "graphql":
		return "graphql-link"
	}
	return "openapi+json-link"
}

func TestARevisionTakesThePlaceOfTheCurrentOne(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 20, Broken: azure.None, Odd: azure.None})
	one := c.apis(sound)[0]
	_, after := c.advance(azure.Change{Revised: 1})
	now := after[one.ID]
	require.Equal(t, one.Revision+1, now.Revision)
	require.NotEqual(t, one.ETag, now.ETag)
	old := after[one.ID+";rev=1"]
	if one.Revision == 1 {
		require.Equal(t, one.Specification.Data, old.Specification.Data)
	}
	require.False(t, old.Current)
	rows := c.list(ofService(one.ID, "/revisions"))
	require.Len(t, rows, now.Revision)
	require.Equal(t, true, rows[0]["isCurrent"])
}

func TestTheEstateChangesWhileItIsRead(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 60})
	path := ofService(c.services()[0].Path, "/apis")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				a, err := c.do(http.MethodGet, c.arm+path, nil, "Authorization", "Bearer "+c.token)
				assert.NoError(t, err)
				assert.Equal(t, 200, a.status)
				assert.True(t, json.Valid(a.body))
			}
		})
	}
	for range 10 {
		_, err := c.sim.Advance(azure.Change{Added: 0.1, Removed: 0.1, Edited: 0.3, Silent: 0.1, Revised: 0.1})
		require.NoError(t, err)
	}
	all.Wait()
	require.GreaterOrEqual(t, c.sim.Counts().MaxConcurrent[azure.APIs], int64(1))
}

func TestWhatCannotBe(t *testing.T) {
	t.Parallel()
	for _, cfg := range []azure.Config{
		{Subscriptions: -1}, {Services: 1}, {Subscriptions: 1, APIs: 1}, {Subscriptions: 1, Services: 1, APIs: 1, Broken: 2},
		{Subscriptions: 1, Disabled: 2}, {Settings: azure.Settings{Shape: "Z"}}, {Settings: azure.Settings{Cloud: "moon"}},
		{Apps: []azure.App{}}, {Apps: []azure.App{{TenantID: "t"}}}, {Settings: azure.Settings{InlineShape: "x"}}, {Settings: azure.Settings{PageSize: -1}},
		{Apps: []azure.App{{TenantID: "t", ClientID: "c", Secret: "s"}, {TenantID: "t", ClientID: "c", Secret: "s"}}},
	} {
		_, err := azure.New(cfg)
		require.Error(t, err, "%+v", cfg)
	}
	c := connect(t, azure.Config{})
	_, err := c.sim.Advance(azure.Change{Edited: 1.5})
	require.Error(t, err)
}

func TestAllEndpointsOfADefectiveDocumentAreCounted(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 3, APIs: 400, Broken: 1, Odd: azure.None})
	for api := range c.sim.APIs() {
		s := api.Specification
		if api.Type != "http" || !s.Readable || s.Defect == "duplicate-operation-id" {
			continue
		}
		require.True(t, s.Broken())
		var document struct{ Paths map[string]map[string]any }
		data := s.Data
		if s.Defect == "bom" {
			require.Equal(t, "\ufeff", string(data[:3]))
			data = data[3:]
		}
		require.NoError(t, json.Unmarshal(data, &document), s.Defect)
		n := 0
		for _, operations := range document.Paths {
			n += len(operations)
		}
		require.Len(t, s.Endpoints, n, s.Defect)
	}
}
