package was

import (
	"sluice/internal/simulator/qid"
	"sluice/internal/simulator/random"
)

// Fields that web applications can be searched by (documented).
var webAppFields = map[string]field[webApp]{
	"id":          number(func(_ *World, a *webApp) int64 { return a.id }),
	"name":        word(func(_ *World, a *webApp) string { return a.name() }),
	"url":         word(func(_ *World, a *webApp) string { return a.url() }),
	"tags":        {fieldType: presence, numbers: func(_ *World, a *webApp, b []int64) []int64 { return tagIDs(a, b) }},
	"tags.id":     {fieldType: integer, also: "NONE", numbers: func(_ *World, a *webApp, b []int64) []int64 { return tagIDs(a, b) }},
	"tags.name":   {fieldType: text, also: "NONE", texts: func(_ *World, a *webApp) []string { return tagNames(a) }},
	"createdDate": moment(func(_ *World, a *webApp) int64 { return a.created }),
	"updatedDate": moment(func(_ *World, a *webApp) int64 { return a.updated }),
	"isScheduled": choice(func(_ *World, a *webApp) bool { return a.scheduled() }),
	"isScanned":   choice(func(_ *World, a *webApp) bool { return a.scanned() }),
	"lastScan": {fieldType: presence, numbers: func(_ *World, a *webApp, b []int64) []int64 {
		if a.scanned() {
			b = append(b, 1)
		}
		return b
	}},
	"lastScan.status": oneOf(scanStatuses, func(_ *World, a *webApp) string { return a.scanStatus() }),
	"lastScan.date": moment(func(_ *World, a *webApp) int64 {
		if !a.scanned() {
			return 0
		}
		return a.scanDate()
	}),
	"attributes": {fieldType: text, also: "NONE", texts: func(_ *World, a *webApp) []string {
		var out []string
		for _, attribute := range a.attributes() {
			out = append(out, attribute.value)
		}
		return out
	}},
}

// Fields that findings can be searched by (documented; updatedDate is none of
// them).
var findingFields = map[string]field[finding]{
	"id":       number(func(_ *World, f *finding) int64 { return f.id }),
	"uniqueId": word(func(_ *World, f *finding) string { return random.UUID(f.hash) }),
	"qid":      number(func(_ *World, f *finding) int64 { return int64(f.qid) }),
	"name":     word(func(_ *World, f *finding) string { return qid.Title(f.qid) }),
	"type":     oneOf([]string{Vulnerability, SensitiveContent, InformationGathered}, func(_ *World, f *finding) string { return f.kind }),
	"url":      word(func(w *World, f *finding) string { a := w.webApp(f.owner); return f.url(&a) }),
	"status": oneOf([]string{StatusNew, StatusActive, StatusReopened, StatusProtected, StatusFixed},
		func(_ *World, f *finding) string { return f.status }),
	"patch":          number(func(_ *World, f *finding) int64 { return f.patch() }),
	"severity":       number(func(_ *World, f *finding) int64 { return int64(f.severity) }),
	"severity.level": number(func(_ *World, f *finding) int64 { return int64(f.severity) }),
	"webApp.id":      number(func(w *World, f *finding) int64 { return w.webAppID(f.owner) }),
	"webApp.name":    word(func(w *World, f *finding) string { a := w.webApp(f.owner); return a.name() }),
	"webApp.tags": {fieldType: presence, numbers: func(w *World, f *finding, b []int64) []int64 {
		a := w.webApp(f.owner)
		return tagIDs(&a, b)
	}},
	"webApp.tags.id": {fieldType: integer, also: "NONE", numbers: func(w *World, f *finding, b []int64) []int64 {
		a := w.webApp(f.owner)
		return tagIDs(&a, b)
	}},
	"webApp.tags.name": {fieldType: text, also: "NONE", texts: func(w *World, f *finding) []string {
		a := w.webApp(f.owner)
		return tagNames(&a)
	}},
	"externalRef": {fieldType: text, also: "IS EMPTY", texts: func(_ *World, f *finding) []string {
		return some(f.externalRef())
	}},
	"ignoredDate":   moment(func(_ *World, f *finding) int64 { return f.ignoredDate }),
	"ignoredReason": oneOf(ignoredReasons, func(_ *World, f *finding) string { return f.ignoredReason() }),
	"isIgnored":     choice(func(_ *World, f *finding) bool { return f.ignored }),
	"group":         oneOf(groups[:], func(_ *World, f *finding) string { return f.group() }),
	"findingType":   oneOf(findingTypes, func(_ *World, f *finding) string { return f.findingType() }),
	"owasp.name":    word(func(_ *World, f *finding) string { return f.weakness().owasp.Name }),
	"owasp.code":    number(func(_ *World, f *finding) int64 { return int64(f.weakness().owasp.Code) }),
	"wasc.name":     word(func(_ *World, f *finding) string { return f.weakness().wasc.Name }),
	"wasc.code":     number(func(_ *World, f *finding) int64 { return int64(f.weakness().wasc.Code) }),
	"cwe.id": {fieldType: integer, numbers: func(_ *World, f *finding, b []int64) []int64 {
		for _, id := range f.weakness().cwe {
			b = append(b, int64(id))
		}
		return b
	}},
	"firstDetectedDate": moment(func(_ *World, f *finding) int64 { return f.first }),
	"lastDetectedDate":  moment(func(_ *World, f *finding) int64 { return f.last }),
	"lastTestedDate":    moment(func(_ *World, f *finding) int64 { return f.tested }),
	"timesDetected":     number(func(_ *World, f *finding) int64 { return int64(f.times) }),
}

// number, moment and word are fields with at most one value; 0 and "" are none.
func number[R any](of func(*World, *R) int64) field[R] {
	return field[R]{fieldType: integer, numbers: single(of)}
}

func moment[R any](of func(*World, *R) int64) field[R] {
	return field[R]{fieldType: dateTime, numbers: single(of)}
}

func single[R any](of func(*World, *R) int64) func(*World, *R, []int64) []int64 {
	return func(w *World, r *R, b []int64) []int64 {
		if n := of(w, r); n != 0 {
			b = append(b, n)
		}
		return b
	}
}

func word[R any](of func(*World, *R) string) field[R] {
	return field[R]{fieldType: text, texts: func(w *World, r *R) []string { return some(of(w, r)) }}
}

func oneOf[R any](values []string, of func(*World, *R) string) field[R] {
	return field[R]{fieldType: keyword, values: values, texts: func(w *World, r *R) []string { return some(of(w, r)) }}
}

func choice[R any](of func(*World, *R) bool) field[R] {
	return field[R]{fieldType: boolean, numbers: func(w *World, r *R, b []int64) []int64 { return append(b, flag(of(w, r))) }}
}

func some(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

func tagIDs(a *webApp, b []int64) []int64 {
	for _, tag := range a.tags() {
		b = append(b, tag.ID)
	}
	return b
}

func tagNames(a *webApp) []string {
	var out []string
	for _, tag := range a.tags() {
		out = append(out, tag.Name)
	}
	return out
}
