package inventory_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
	"sluice/internal/transform"
)

// writeKnowledge writes entries as the stream of the knowledge base does.
func (e *estate) writeKnowledge(entries ...transform.Vulnerability) lifecycle.Counts {
	scope := e.scope
	defer func() { e.scope = scope }()
	e.scope.Role, e.scope.Class, e.scope.Stream = source.Reference, "", "KNOWLEDGEBASE"
	batch := inventory.NewBatch(e.scope.Role)
	for i := range entries {
		batch.AddVulnerability(&entries[i])
	}
	require.Equal(e.t, inventory.Reconciled{}, e.reconcile(nil), "nothing goes out of a knowledge base")
	return e.writeBatch(batch).Assets
}

// knowledge returns the entry of a QID.
func (e *estate) knowledge(qid int32) inventory.KnowledgeRow {
	rows, err := inventory.Knowledge(e.t.Context(), e.store.Pool(), inventory.Filter{Connector: "tas", QID: qid, Limit: 2})
	require.NoError(e.t, err)
	require.Len(e.t, rows, 1)
	return rows[0]
}

func TestTheKnowledgeBaseIsWrittenWhereItDiffers(t *testing.T) {
	e := newSeparateEstate(t)
	one := transform.Vulnerability{QID: 1, Title: "Ünsafe", Severity: 3, ModifiedAt: noon, Attributes: []byte(`{"category":"Web","cvss":5.5}`)}
	two := transform.Vulnerability{QID: 2}
	require.Equal(t, lifecycle.Counts{Created: 2}, e.writeKnowledge(one, two))
	entry := e.knowledge(1)
	require.Equal(t, "Ünsafe", *entry.Title)
	require.Equal(t, int16(3), *entry.Severity)
	require.Equal(t, noon, entry.ModifiedAt.UTC())
	require.Equal(t, "Web", *entry.Category)
	require.JSONEq(t, `{"category":"Web","cvss":5.5}`, string(entry.Attributes))

	before := e.versions()
	e.run()
	require.Equal(t, lifecycle.Counts{Unchanged: 2}, e.writeKnowledge(two, one))
	require.Equal(t, before, e.versions())

	e.run()
	changed := two
	changed.Title = "b"
	again := changed
	again.ModifiedAt = noon.Add(time.Hour)
	require.Equal(t, lifecycle.Counts{Unchanged: 1, Updated: 1}, e.writeKnowledge(changed, one, again))
	entry = e.knowledge(2)
	require.Equal(t, noon.Add(time.Hour), entry.ModifiedAt.UTC(), "of an entry that comes twice the last counts")
	require.Equal(t, e.scope.RunID, entry.RunID)
}

func TestKnowledgeIsShownWithFindings(t *testing.T) {
	e := newSeparateEstate(t)
	bare := transform.Finding{ExternalID: "10", QID: 7}
	own := transform.Finding{ExternalID: "11", QID: 7, Name: "own", Severity: 1}
	none := transform.Finding{ExternalID: "12"}
	e.write(found("1", bare), found("1", own), found("1", none))
	f := e.findings()["1/10"]
	require.Nil(t, f.Name)
	require.False(t, *f.Known, "complete as soon as the entry appears")
	require.Nil(t, e.findings()["1/12"].Known)

	rows := e.versionsOf("findings", "id")
	e.writeKnowledge(transform.Vulnerability{QID: 7, Title: "XSS", Severity: 4, Attributes: []byte(
		`{"category":"Web","cves":["CVE-2025-1"],"cvss":5.5,"cvss3":7.5,"patchable":true,"solution":"Escape.","threatIntelligence":[{"id":"1"}]}`)})
	require.Equal(t, rows, e.versionsOf("findings", "id"), "an entry rewrites no finding")
	f = e.findings()["1/10"]
	require.True(t, *f.Known)
	require.Equal(t, "XSS", *f.Name)
	require.Equal(t, int16(4), *f.Severity)
	require.Equal(t, "Web", *f.Category)
	require.JSONEq(t, `["CVE-2025-1"]`, string(f.CVEs))
	require.Equal(t, 7.5, *f.CVSS)
	require.True(t, *f.Patchable)
	require.Equal(t, "Escape.", *f.Solution)
	require.JSONEq(t, `[{"id":"1"}]`, string(f.ThreatIntelligence))
	require.Equal(t, "own", *e.findings()["1/11"].Name)
	require.Equal(t, int16(1), *e.findings()["1/11"].Severity)

	e.writeKnowledge(transform.Vulnerability{QID: 7, Attributes: []byte(`{"cvss":"high","patchable":"maybe"}`)})
	f = e.findings()["1/10"]
	require.Nil(t, f.CVSS, "what a map put there in another shape is not shown")
	require.Nil(t, f.Patchable)
}

func TestQIDsWithoutAnEntryAreListed(t *testing.T) {
	e := newSeparateEstate(t)
	qid := func(id string, qid int32, status string) transform.Asset {
		return found("1", transform.Finding{ExternalID: id, QID: qid, Status: status})
	}
	e.write(qid("1", 7, ""), qid("2", 8, "NEW"), qid("3", 8, ""), qid("4", 9, "FIXED"), qid("5", 0, ""), qid("6", 6, ""))
	e.writeKnowledge(transform.Vulnerability{QID: 6})
	unknown := func(limit int) []inventory.UnknownQID {
		list, err := inventory.UnknownQIDs(t.Context(), e.store.Pool(), e.scope.ConnectorID, limit)
		require.NoError(t, err)
		return list
	}
	require.Equal(t, []inventory.UnknownQID{{QID: 8, Findings: 2}, {QID: 7, Findings: 1}}, unknown(10))
	require.Equal(t, []inventory.UnknownQID{{QID: 8, Findings: 2}}, unknown(1))
}

func TestTheKnowledgeBaseIsListed(t *testing.T) {
	e := newSeparateEstate(t)
	e.writeKnowledge(transform.Vulnerability{QID: 3, Title: "c", Severity: 5}, transform.Vulnerability{QID: 1, Title: "a", Severity: 1}, transform.Vulnerability{QID: 2, Title: "b", Severity: 4})
	list := func(f inventory.Filter) (qids []int32, last int64) {
		f.Limit = max(f.Limit, 1)
		rows, err := inventory.Knowledge(t.Context(), e.store.Pool(), f)
		require.NoError(t, err)
		for _, r := range rows {
			qids, last = append(qids, r.QID), r.ID
		}
		return qids, last
	}
	page, last := list(inventory.Filter{Limit: 2})
	require.Equal(t, []int32{1, 2}, page)
	page, _ = list(inventory.Filter{Limit: 2, After: last})
	require.Equal(t, []int32{3}, page)
	page, _ = list(inventory.Filter{MinSeverity: 4, Connector: "tas", Limit: 9})
	require.Equal(t, []int32{2, 3}, page)
	page, _ = list(inventory.Filter{Name: "C", Limit: 9})
	require.Equal(t, []int32{3}, page)
	page, _ = list(inventory.Filter{QID: 2, Limit: 9})
	require.Equal(t, []int32{2}, page)
	page, _ = list(inventory.Filter{QID: 99, Limit: 9})
	require.Empty(t, page)
}
