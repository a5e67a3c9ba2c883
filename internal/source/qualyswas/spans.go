package qualyswas

import "context"

// Findings are fetched by spans of web applications, so that several searches
// can run beside each other. Together the spans hold every id there can be, so
// that a web application that appears meanwhile is in one of them.
const (
	// spanPages is how many full pages a span should have: each span costs one
	// page that is not full.
	spanPages = 3
	// worthwhile is below how many full pages one search after another is as
	// good.
	worthwhile = 2 * spanPages
)

// plan divides the web applications behind an id into spans for so many
// findings, going by the ids that the vendor lists. The conditions are those
// on web applications.
func (s *session) plan(ctx context.Context, from string, findings int64, conditions []criterion) ([]span, error) {
	if from != "" {
		conditions = append([]criterion{{fieldID, opGreater, from}}, conditions...)
	}
	var ids []string
	_, err := s.eachWebApp(ctx, conditions, func(w webApp) { ids = append(ids, w.ID.String()) })
	if err != nil {
		return nil, err
	}
	return divide(ids, from, int(findings)/(spanPages*s.options.PageSize)), nil
}

// divide makes at most so many spans of equally many ids, from an id on.
func divide(ids []string, from string, spans int) []span {
	spans = max(1, min(spans, len(ids)))
	list := make([]span, spans)
	for i := range list {
		list[i].From = from
		if i < spans-1 {
			from = ids[(i+1)*len(ids)/spans-1]
			list[i].To = from
		}
	}
	return list
}
