package transform

import (
	"context"
	"strconv"
)

// LeftOut is a record, or a finding of a record, that one of the map's
// conditions left out. It is there: neither vanished nor stale.
type LeftOut struct {
	// AssetID and FindingID are the external ids. Of an entry of the knowledge
	// base AssetID is its QID; FindingID is empty where a whole asset is left
	// out, with all its findings.
	AssetID   string
	FindingID string
	// Finding is the position of the finding in its record: 0 where the record
	// is one finding, -1 when the whole record is left out.
	Finding int
}

// LeftOut returns what the map's conditions left out of the record that was
// applied last: where Apply returned neither an asset nor a reject, the one
// record; else the findings that the asset comes without. It is valid until
// the next record.
func (a *Applier) LeftOut() []LeftOut { return a.leftOut }

// Interrupt makes expressions stop when ctx is done. What is being evaluated
// then is rejected, so that who sees ctx done has to drop what Apply returned.
func (a *Applier) Interrupt(ctx context.Context) { a.ctx = ctx }

// compute ends a scope with what the map's expressions say of it: whether it is
// taken at all, and the values of targets that have an expression.
func (a *Applier) compute(l *level, s *scope) {
	if l.when == nil && len(l.computed) == 0 {
		return
	}
	rules := l.computed
	for len(rules) > 0 && rules[0].id {
		a.computeRule(rules[0], s)
		rules = rules[1:]
	}
	if l.when != nil && !a.holds(&l.when.rule, s) {
		return
	}
	for _, r := range rules {
		a.computeRule(r, s)
	}
}

// holds evaluates a condition.
func (a *Applier) holds(r *rule, s *scope) bool {
	raw, reason := a.evaluate(r, s)
	switch {
	case reason != "":
		a.fail(s, r.index, r.label, a.readBy(r), reason)
	case raw[0] == 'n':
		a.fail(s, r.index, r.label, a.readBy(r), "is neither true nor false")
	case raw[0] == 'f':
		s.leftOut = true
	}
	return !s.leftOut
}

func (a *Applier) computeRule(r *rule, s *scope) {
	if a.trace != nil {
		a.trace.source(r, a.readBy(r))
	}
	raw, reason := a.evaluate(r, s)
	if reason == "" && r.id && a.scratch.altered {
		reason = reasonAlteredID
	}
	if reason != "" {
		a.fail(s, r.index, r.label, a.readBy(r), reason)
		return
	}
	a.take(r, s, raw)
}

// evaluate returns the value of a rule's expression as JSON, valid until the
// next call.
func (a *Applier) evaluate(r *rule, s *scope) ([]byte, string) {
	a.variables.finding = nil
	if r.finding && !a.program.single {
		a.variables.finding = &a.findingObject
	}
	if a.cost > maxRecordCost || a.computed > maxComputed {
		return nil, "cannot be evaluated: the expressions of this record take too many steps, or give too much, together"
	}
	a.scratch.altered = false
	var cost uint64
	var reason string
	a.result, cost, reason = r.expr.evaluate(a.ctx, &a.variables, a.sizeRead(r), a.result[:0])
	a.cost += cost
	a.computed += len(a.result)
	return a.result, reason
}

// sizeRead is how many bytes of JSON a rule's expression reads.
func (a *Applier) sizeRead(r *rule) (size int) {
	for _, read := range r.expr.reads {
		if c := &a.captured[read.member.capture]; c.scope == a.scope(read.variable == findingVariable).id {
			size += len(c.json)
		}
	}
	return size
}

// readBy returns what a rule's expression reads, as a JSON object: of long
// fields no more than a reject shows.
func (a *Applier) readBy(r *rule) []byte {
	json := []byte{'{'}
	for _, read := range r.expr.reads {
		s := a.scope(read.variable == findingVariable)
		c := &a.captured[read.member.capture]
		if c.scope != s.id {
			continue
		}
		if len(json) > 1 {
			json = append(json, ',')
		}
		json = append(quote(json, read.variable+"."+read.member.name), ':')
		json = append(json, c.json[:min(len(c.json), maxRejectText)]...)
		if len(json) > maxRejectText {
			return json
		}
	}
	return append(json, '}')
}

// end ends a scope. Of what is left out only the id matters: without it nobody
// knows what is there.
func (a *Applier) end(l *level, s *scope) {
	if !s.leftOut {
		a.fillAbsent(l, s)
		return
	}
	s.failed, s.failure = s.idFailed, s.idFailure
	for _, id := range l.ids {
		if !s.failed && a.filled[id.index] != s.id {
			a.fail(s, id.index, id.label, nil, "is missing, and is needed of what is left out, too")
		}
	}
}

// wholeLeftOut is the record that was read last.
func (a *Applier) wholeLeftOut() LeftOut {
	out := LeftOut{AssetID: a.asset.ExternalID, Finding: -1}
	switch {
	case a.program.single:
		out.FindingID, out.Finding = a.finding.ExternalID, 0
	case a.entry.QID != 0:
		out.AssetID = strconv.Itoa(int(a.entry.QID))
	}
	return out
}
