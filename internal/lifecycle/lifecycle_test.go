package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/source"
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

func TestTheDateToReadAgainFrom(t *testing.T) {
	now := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                          {},
		"2027-01-31":                time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
		"2027-01-30T18:00:00+02:00": time.Date(2027, 1, 30, 16, 0, 0, 0, time.UTC),
	} {
		got, err := ParseSince(text, Auto, now)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
	for text, says := range map[string]string{
		"yesterday": "not a date", "2027-02-30": "not a date", "31.01.2027": "such as 2027-01-31", "0001-01-01": "not a date", "2027-02-01": "in the future",
	} {
		_, err := ParseSince(text, Delta, now)
		require.ErrorContains(t, err, says)
	}
	_, err := ParseSince("2027-01-01", Full, now)
	require.ErrorContains(t, err, "a full run reads everything")
}

func TestAssetsAreInWhenEveryStreamIsDone(t *testing.T) {
	require.False(t, Progress{}.AssetsIn())
	require.False(t, Progress{Streams: []Stream{{Phase: Done}, {Phase: Fetching}}}.AssetsIn())
	require.False(t, Progress{Streams: []Stream{{Phase: Done}, {Phase: Broken}}}.AssetsIn())
	require.True(t, Progress{Streams: []Stream{{Phase: Done}, {Phase: Done}}}.AssetsIn())
}

func TestFindingsThatComeApartDoNotHoldUpTheAssets(t *testing.T) {
	p := Progress{State: Processed, Streams: []Stream{
		{Role: source.Assets, Phase: Done, Fetched: true, Assets: Counts{Created: 5}},
		{Role: source.Findings, Phase: Fetching, Records: 620, Expected: 1000, Findings: Counts{Created: 600}},
		{Role: source.Reference, Phase: Broken, Assets: Counts{Created: 1000}},
	}}
	require.True(t, p.AssetsIn())
	require.Equal(t, "Processed (findings: 62 %)", p.Stands())
	assets, findings := p.Totals()
	require.Equal(t, int64(5), assets.Created, "entries of a knowledge base are no assets")
	require.Equal(t, int64(600), findings.Created)

	p.Streams[1].Expected = 0
	require.Equal(t, "Processed (findings: coming)", p.Stands(), "the vendor has not said how many there are")
	p.Streams[1].Fetched = true
	require.Equal(t, "Processed", p.Stands())
	p.Streams[0].Phase, p.State = Broken, Processing
	require.False(t, p.AssetsIn())
	require.Equal(t, "Processing", p.Stands())
}

func TestARunWithoutAssetsIsOverWithItsFindings(t *testing.T) {
	p := Progress{Streams: []Stream{{Role: source.Findings, Phase: Fetching}}}
	require.False(t, p.AssetsIn())
	p.Streams[0].Phase = Done
	require.True(t, p.AssetsIn())
}

func TestAStreamInOneLine(t *testing.T) {
	s := Stream{Name: "APPLICATION", Phase: Fetching, Records: 50, Expected: 200, Assets: Counts{Created: 40, Updated: 3, Unchanged: 6, Rejected: 1}}
	require.Equal(t, "APPLICATION fetching: 50 of 200 records, assets +40 ~3 =6 rejected 1", s.Line())
	s.Assets.LeftOut = 7
	require.Equal(t, "APPLICATION fetching: 50 of 200 records, assets +40 ~3 =6 rejected 1 left out 7", s.Line())
	s.Phase, s.Waits, s.WaitUntil = Waiting, "the vendor is busy", time.Date(2026, 1, 1, 14, 5, 0, 0, time.UTC)
	require.Contains(t, s.Line(), ": the vendor is busy until 14:05:00")
}

func TestTheRateOfAStreamLeavesOutWhenItWasIdle(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	s := Stream{Records: 900, SetAside: 100, Expected: 2000}
	require.Zero(t, s.Rate(noon), "it has not begun")
	_, known := s.Left(noon)
	require.False(t, known)

	s.Began, s.IdleSeconds = noon.Add(-40*time.Second), 10
	require.InDelta(t, 30, s.Rate(noon), 0.001)
	left, known := s.Left(noon)
	require.True(t, known)
	require.InDelta(t, 1000.0/30, left.Seconds(), 0.01)

	s.Ended = noon
	require.InDelta(t, 30, s.Rate(noon.Add(time.Hour)), 0.001, "it stays when the stream has ended")
}

func TestHowMuchOfAStreamIsIn(t *testing.T) {
	_, known := Stream{Records: 5}.Fraction()
	require.False(t, known, "the vendor has not said how much there is")
	part, known := Stream{Records: 40, SetAside: 10, Expected: 200}.Fraction()
	require.True(t, known)
	require.InDelta(t, 0.25, part, 0.001)
	part, _ = Stream{Records: 300, Expected: 200}.Fraction()
	require.InDelta(t, 1, part, 0.001, "more came than was counted")
	part, known = Stream{Fetched: true}.Fraction()
	require.True(t, known, "nothing to fetch, and all of it")
	require.InDelta(t, 1, part, 0.001)
}

func TestTooManyRejected(t *testing.T) {
	require.False(t, Counts{}.TooManyRejected(5))
	require.False(t, Counts{Created: 95, Rejected: 5}.TooManyRejected(5))
	require.False(t, Counts{Created: 11, Rejected: 1}.TooManyRejected(5), "a bad one among a dozen")
	require.True(t, Counts{Rejected: 3}.TooManyRejected(5), "nothing got through")
	require.True(t, Counts{Created: 180, Rejected: 20}.TooManyRejected(5))
	require.False(t, Counts{Rejected: 3}.TooManyRejected(100))
	require.True(t, Counts{Rejected: 3, LeftOut: 1000}.TooManyRejected(5), "nothing of what the map takes got through")
	require.True(t, Counts{Created: 180, Rejected: 20, LeftOut: 1000}.TooManyRejected(5), "what is left out makes the rest no better")
	require.False(t, Counts{LeftOut: 1000}.TooManyRejected(0), "what is left out is not rejected")
}

func TestAConnectorShowsTheMostActiveStateOfItsProfiles(t *testing.T) {
	require.Equal(t, Registered, Sum(nil))
	require.Equal(t, Scheduled, Sum([]State{Registered, Scheduled}))
	require.Equal(t, Processed, Sum([]State{Scheduled, Processed, Registered}))
	require.Equal(t, Processing, Sum([]State{Processed, Processing}))
}

func TestARunThatBroughtOnlyWhatFindingsReferToHasFailed(t *testing.T) {
	outcome, reason := Judge([]Stream{
		{Name: "HOST", Role: source.Assets, Error: "no permission"}, {Name: "DETECTION", Role: source.Findings, Error: "no permission"},
		{Name: "KNOWLEDGEBASE", Role: source.Reference, Phase: Done},
	})
	require.Equal(t, Failed, outcome)
	require.Contains(t, reason, "no permission")
	outcome, _ = Judge([]Stream{{Name: "HOST", Error: "no permission"}, {Name: "DETECTION", Role: source.Findings, Phase: Done}})
	require.Equal(t, Partial, outcome)
}
