package transform

import (
	"bytes"
	"slices"
)

// dropRepeats leaves one finding of each id. Alike ones are counted; of
// differing ones the last stays and the others are rejected.
func (a *Applier) dropRepeats() {
	dropped := false
	for i := range a.found {
		j := a.earlier(i)
		if j < 0 {
			continue
		}
		dropped = true
		if alike(&a.found[i], &a.found[j]) {
			a.repeated++
		} else {
			a.rejects = append(a.rejects, Reject{
				FindingID: a.found[j].ExternalID,
				Finding:   a.positions[j],
				Row:       a.program.findings.path + "[]",
				Value:     string(quote(nil, a.found[j].ExternalID)),
				Reason:    "is a repeated id: the record has a later finding with it that differs, which was taken",
			})
		}
		a.positions[j] = -1
	}
	if !dropped {
		return
	}
	kept := a.found[:0]
	for i, f := range a.found {
		if a.positions[i] >= 0 {
			kept = append(kept, f)
		}
	}
	a.found = kept
	slices.SortStableFunc(a.rejects, func(x, y Reject) int { return x.Finding - y.Finding })
}

// earlier returns the finding before i that has its id and is not dropped, or
// -1. It is called for i from 0 up.
func (a *Applier) earlier(i int) int {
	const few = 16 // fewer are compared faster than hashed
	id := a.found[i].ExternalID
	if len(a.found) <= few {
		for j := i - 1; j >= 0; j-- {
			if a.found[j].ExternalID == id {
				return j
			}
		}
		return -1
	}
	if i == 0 {
		clear(a.byID)
	}
	j, ok := a.byID[id]
	a.byID[id] = i
	if !ok {
		return -1
	}
	return j
}

func alike(x, y *Finding) bool {
	return x.Name == y.Name && x.Severity == y.Severity && x.QID == y.QID && x.Status == y.Status && x.TimesFound == y.TimesFound &&
		x.FirstFoundAt.Equal(y.FirstFoundAt) && x.LastFoundAt.Equal(y.LastFoundAt) && x.LastTestedAt.Equal(y.LastTestedAt) &&
		bytes.Equal(x.Attributes, y.Attributes)
}
