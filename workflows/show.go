package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"sluice/internal/lifecycle"
	"sluice/internal/visibility"
)

// StaticSummary and StaticDetails describe a run in the Temporal UI before
// and after it is at work. Whoever starts one sets them.
func StaticSummary(profile, kind, connector string, mode lifecycle.Mode) string {
	return fmt.Sprintf("%s: %s from connector %s, mode %s", profile, kind, connector, mode)
}

// StaticDetails is Markdown; see StaticSummary.
func StaticDetails(profile string) string {
	return fmt.Sprintf("Brings the records of profile `%s` into the inventory.\n\n"+
		"While it runs, *Current Details* say how far it is; the queries `state` and `progress` and the updates "+
		"`pause`, `resume` and `cancel` are under *Queries* and *More Actions*. Afterwards: `sluice runs list`.", profile)
}

// show puts the run's progress where the Temporal UI shows it: its current
// details, and the search attributes that lists are filtered by.
func (r *ingestion) show(ctx workflow.Context) {
	text := details(r.progress, workflow.Now(ctx))
	if !r.searchable {
		text += "\nThis run cannot be found by search attributes: they are not registered in this namespace; the worker's log says how to.\n"
	}
	for _, warning := range r.planned.Warnings {
		text += "\n" + plain(warning) + "\n"
	}
	workflow.SetCurrentDetails(ctx, text)
	r.list(ctx)
}

// canBeSearched asks whether search attributes can be set here. A run does
// without when it is not known.
func canBeSearched(ctx workflow.Context) bool {
	var searchable bool
	err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, local), acts.Searchable).Get(ctx, &searchable)
	if err != nil {
		workflow.GetLogger(ctx).Warn("this run cannot be found by search attributes", "error", err)
	}
	return err == nil && searchable
}

// lists is what a run is found by.
type lists struct {
	connector, profile string
	state              lifecycle.State
	outcome            lifecycle.Outcome
}

// list sets the search attributes that have changed.
func (r *ingestion) list(ctx workflow.Context) {
	p := r.progress
	now := lists{p.Connector, p.Profile, p.State, p.Outcome}
	if !r.searchable || now == r.listed {
		return
	}
	var updates []temporal.SearchAttributeUpdate
	if now.profile != "" {
		updates = append(updates, visibility.Profile.ValueSet(now.profile))
	}
	if now.connector != "" {
		updates = append(updates, visibility.Connector.ValueSet(now.connector))
	}
	if now.state != "" {
		updates = append(updates, visibility.State.ValueSet(string(now.state)))
	} else {
		updates = append(updates, visibility.State.ValueUnset())
	}
	if now.outcome != "" {
		updates = append(updates, visibility.Outcome.ValueSet(string(now.outcome)))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("search attributes were not set", "error", err)
		return
	}
	r.listed = now
}

// headline says in one line where a run stands.
func headline(p lifecycle.Progress) string {
	text := p.Stands()
	if p.Outcome != "" {
		if text != "" {
			text += ", "
		}
		text += string(p.Outcome)
	} else if p.Paused != nil {
		text += ", paused"
		if p.Paused.Reason != "" {
			text += ": " + p.Paused.Reason
		}
	}
	return text
}

// details is a run's progress as Markdown. What other people or vendors have
// written is shown as it is, not as Markdown.
func details(p lifecycle.Progress, now time.Time) string {
	lines := []string{fmt.Sprintf("**%s** · profile %s", plain(headline(p)), plain(p.Profile))}
	if p.RunID != 0 {
		lines[0] += fmt.Sprintf(" · connector %s · %s run %d", plain(p.Connector), p.Mode, p.RunID)
	}
	if p.Reason != "" {
		lines = append(lines, "", plain(p.Reason))
	}
	if len(p.Streams) > 0 {
		lines = append(lines, "", "| stream | | progress | rate | left |", "|---|---|---|---|---|")
	}
	for _, s := range p.Streams {
		lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s | %s |", plain(s.Name), s.Phase, bar(s), rate(s, now), left(s, now)))
	}
	lines = append(lines, written(p)...)
	lines = append(lines, "")
	if p.Paused != nil && p.Outcome == "" {
		lines = append(lines, fmt.Sprintf("- Paused since %s UTC, before the next batch; the update `resume` lets it go on.", clock(p.Paused.Since)))
	}
	for _, s := range p.Streams {
		for _, note := range notes(s, now) {
			lines = append(lines, fmt.Sprintf("- %s: %s", plain(s.Name), plain(note)))
		}
	}
	return strings.Join(append(lines, "", fmt.Sprintf("As of %s UTC.", clock(now)), ""), "\n")
}

// written is a table of what the run has done to the inventory.
func written(p lifecycle.Progress) []string {
	assets, findings := p.Totals()
	if assets.Total()+findings.Total() == 0 {
		return nil
	}
	lines := []string{"", "| | assets | findings |", "|---|---|---|"}
	for _, row := range []struct {
		what             string
		assets, findings int64
	}{
		{"created", assets.Created, findings.Created}, {"updated", assets.Updated, findings.Updated},
		{"unchanged", assets.Unchanged, findings.Unchanged}, {"returned", assets.Returned, findings.Returned},
		{"rejected", assets.Rejected, findings.Rejected}, {"left out by the map", assets.LeftOut, findings.LeftOut},
	} {
		if row.assets+row.findings > 0 {
			lines = append(lines, fmt.Sprintf("| %s | %d | %d |", row.what, row.assets, row.findings))
		}
	}
	return lines
}

// notes are what there is to say of a stream beside its numbers.
func notes(s lifecycle.Stream, now time.Time) []string {
	var all []string
	switch {
	case !s.WaitUntil.IsZero():
		all = append(all, waiting(s.WaitUntil.Sub(now), s.WaitUntil)+": "+s.Waits)
	case s.Waits != "":
		all = append(all, "waiting: "+s.Waits)
	}
	if s.Trouble != "" {
		all = append(all, "last trouble, got over: "+s.Trouble)
	}
	if s.Error != "" {
		all = append(all, "failed ("+s.Code+"): "+s.Error)
	}
	if s.Doubt != "" {
		all = append(all, "not complete: "+s.Doubt)
	}
	for _, scope := range s.Unread {
		all = append(all, scope.ID+" could not be read: "+scope.Reason)
	}
	if s.SetAside > 0 {
		all = append(all, fmt.Sprintf("%d records could not be read and were set aside", s.SetAside))
	}
	if s.Stale+s.Retired+s.Fixed > 0 {
		all = append(all, fmt.Sprintf("gone: %d assets stale, %d retired, %d findings fixed", s.Stale, s.Retired, s.Fixed))
	}
	return all
}

// waiting says how long the vendor is waited for.
func waiting(wait time.Duration, until time.Time) string {
	return fmt.Sprintf("waiting %d s for the vendor until %s UTC", int64(max(0, wait).Round(time.Second).Seconds()), clock(until))
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// barWidth is how many blocks a full bar has.
const barWidth = 20

// bar draws how much of a stream has been fetched.
func bar(s lifecycle.Stream) string {
	done, known := s.Fraction()
	if !known {
		return fmt.Sprintf("%d records", s.Records)
	}
	full := int(done * barWidth)
	return fmt.Sprintf("`%s%s` %d %% · %d of %d", strings.Repeat("█", full), strings.Repeat("░", barWidth-full),
		int(done*100), s.Records, max(s.Expected, s.Records))
}

func rate(s lifecycle.Stream, now time.Time) string {
	if perSecond := s.Rate(now); perSecond > 0 {
		return fmt.Sprintf("%.0f/s", perSecond)
	}
	return ""
}

func left(s lifecycle.Stream, now time.Time) string {
	if d, known := s.Left(now); known {
		return d.Round(time.Second).String()
	}
	return ""
}

// plain makes text that others have written harmless in Markdown.
func plain(text string) string { return markdown.Replace(text) }

var markdown = strings.NewReplacer("\n", " ", "\r", " ", `\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "#", `\#`, "!", `\!`, "~", `\~`,
	"://", `\://`, "www.", `www\.`, "@", `\@`) // the last three would become links
