package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheStateOfAProfile(t *testing.T) {
	for _, c := range []struct {
		name  string
		facts Facts
		want  State
	}{
		{"nothing starts it", Facts{}, Registered},
		{"something will start it", Facts{WillStart: true}, Scheduled},
		{"a run fetches", Facts{Fetching: true, WillStart: true}, Processing},
		{"a run fetches again", Facts{Fetching: true, AssetsIn: true}, Processing},
		{"assets are in", Facts{AssetsIn: true}, Processed},
		{"assets are in and more will come", Facts{AssetsIn: true, WillStart: true}, Processed},
	} {
		require.Equal(t, c.want, Of(c.facts), c.name)
	}
}

func TestTheOutcomeOfARun(t *testing.T) {
	good := Stream{Name: "A"}
	bad := Stream{Name: "B", Error: "refused"}
	doubtful := Stream{Name: "C", Doubt: "2 are missing"}
	aside := Stream{Name: "D", SetAside: 3}
	for _, c := range []struct {
		name    string
		streams []Stream
		outcome Outcome
		reason  string
	}{
		{"all good", []Stream{good, good}, Succeeded, ""},
		{"one failed", []Stream{good, bad}, Partial, "B: refused"},
		{"one is doubtful", []Stream{doubtful, good}, Partial, "C: 2 are missing"},
		{"one had unreadable records", []Stream{aside}, Partial, "D: 3 records could not be read and were set aside"},
		{"all failed", []Stream{bad, bad}, Failed, "B: refused; B: refused"},
		{"failed and doubtful", []Stream{doubtful, bad}, Partial, "B: refused; C: 2 are missing"},
		{"nothing to do", nil, Succeeded, ""},
	} {
		outcome, reason := Judge(c.streams)
		require.Equal(t, c.outcome, outcome, c.name)
		require.Equal(t, c.reason, reason, c.name)
	}
}

func TestModes(t *testing.T) {
	for text, want := range map[string]Mode{"": Auto, "auto": Auto, "full": Full, "delta": Delta} {
		got, err := ParseMode(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := ParseMode("Full")
	require.ErrorContains(t, err, "auto, full or delta")
}

func TestAssetsAreInWhenEveryStreamIsDone(t *testing.T) {
	require.False(t, Progress{}.AssetsIn())
	require.False(t, Progress{Streams: []Stream{{Phase: Done}, {Phase: Fetching}}}.AssetsIn())
	require.False(t, Progress{Streams: []Stream{{Phase: Done}, {Phase: Broken}}}.AssetsIn())
	require.True(t, Progress{Streams: []Stream{{Phase: Done}, {Phase: Done}}}.AssetsIn())
}

func TestAStreamInOneLine(t *testing.T) {
	s := Stream{Name: "APPLICATION", Phase: Fetching, Records: 50, Expected: 200, Assets: Counts{Created: 40, Updated: 3, Unchanged: 6, Rejected: 1}}
	require.Equal(t, "APPLICATION fetching: 50 of 200 records, assets +40 ~3 =6 rejected 1, findings +0 ~0 =0", s.Line())
	s.Phase, s.Waits, s.WaitUntil = Waiting, "the vendor is busy", time.Date(2026, 1, 1, 14, 5, 0, 0, time.UTC)
	require.Contains(t, s.Line(), ": the vendor is busy until 14:05:00")
}
