package azure

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"sluice/internal/simulator/azure/tree"
	"sluice/internal/simulator/faults"
)

// row is an element of a list: what a filter asks about, and what is written.
// Both are made only where they are needed.
type row struct {
	fields func() map[string]any // by lower-case name: texts and booleans; nil: there are none to filter by
	object func() tree.Object
}

// plain is a row that is written as it is and can be filtered by name.
func plain(o tree.Object) row {
	return row{
		fields: func() map[string]any { return map[string]any{"name": member(o, "name")} },
		object: func() tree.Object { return o },
	}
}

func member(o tree.Object, name string) any {
	for _, m := range o {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// answerPage answers a list with the page that $skip and $top ask for; counted says
// whether it has the total, as lists of API Management do.
func (q *request) answerPage(rows []row, counted bool) {
	filter, err := parseFilter(q.query.Get("$filter"))
	if err != nil {
		q.badFilter(err)
		return
	}
	kept, err := filter.of(rows)
	if err != nil {
		q.badFilter(err)
		return
	}
	skip, skipOK := q.number("$skip", 0)
	top, topOK := q.number("$top", q.settings.PageSize)
	if !skipOK || !topOK || top == 0 {
		q.refuse(http.StatusBadRequest, "InvalidQueryParameter", "$skip and $top must be whole numbers, $top above 0.")
		return
	}
	size := min(top, q.settings.PageSize)
	from := min(skip, len(kept))
	to := min(from+size, len(kept))
	next := ""
	if to < len(kept) {
		next = q.nextLink(to)
	}
	values := make([]any, 0, to-from)
	for _, r := range kept[from:to] {
		values = append(values, r.object())
	}
	if from > 0 && len(values) > 0 && q.Meets(faults.Duplicate) {
		values = append([]any{kept[from-1].object()}, values...)
	}
	if len(values) > 1 && q.Meets(faults.OmitRecord) {
		values = append(values[:len(values)/2], values[len(values)/2+1:]...)
	}
	switch {
	case q.Meets(faults.EmptyForever):
		values, next = []any{}, q.nextLink(skip+size)
	case next != "" && q.Meets(faults.RepeatPage): // the link leads here again
		next = q.nextLink(skip)
	case next != "" && q.Meets(faults.WithoutMarker):
		next = ""
	}
	q.answerValues(values, len(kept)+q.Shift(faults.ShiftCount), next, counted)
}

func (q *request) badFilter(err error) {
	q.refuse(http.StatusBadRequest, "InvalidFilter", "Invalid filter clause specified: "+err.Error()+".")
}

func (q *request) answerValues(values []any, count int, next string, counted bool) {
	out := tree.Of("value", values)
	if counted {
		out = out.With("count", count)
	}
	switch {
	case next != "":
		out = out.With("nextLink", next)
	case q.settings.LastLink == "empty":
		out = out.With("nextLink", "")
	case q.settings.LastLink == "null":
		out = out.With("nextLink", nil)
	}
	if counted {
		q.pretty(out)
		return
	}
	q.reply(out)
}

// number is a whole number of the query.
func (q *request) number(name string, def int) (int, bool) {
	text := q.query.Get(name)
	if text == "" {
		return def, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0
}

// nextLink is this call from another row on. The form of real links is not
// known.
func (q *request) nextLink(skip int) string {
	host := q.R.Host
	if q.settings.NextLinkHost != "" {
		host = q.settings.NextLinkHost
	}
	scheme := "http://"
	if q.R.TLS != nil {
		scheme = "https://"
	}
	query := url.Values{}
	for name, values := range q.query {
		if name != "$skip" {
			query[name] = values
		}
	}
	text, name := query.Encode(), "$skip"
	if q.settings.EncodedLinks {
		name = "%24skip"
	} else {
		text = strings.ReplaceAll(text, "%24", "$")
	}
	return scheme + host + q.R.URL.EscapedPath() + "?" + text + "&" + name + "=" + strconv.Itoa(skip)
}
