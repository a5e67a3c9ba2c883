package simulator

import (
	"bufio"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"

	"sluice/internal/simulator/estate"
)

// streamTruth writes the truth, a record a line, in constant memory.
func (s *Simulator) streamTruth(w http.ResponseWriter, r *http.Request) {
	truth, err := s.truthOf(r.URL.Query())
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(w, 64<<10)
	lines := json.NewEncoder(out)
	for record := range truth {
		if lines.Encode(record) != nil {
			return // the caller has gone away
		}
	}
	_ = out.Flush()
}

// truthOf understands the query of GET /simulator/truth.
func (s *Simulator) truthOf(query url.Values) (iter.Seq[any], error) {
	var user User // the zero user is shown everything
	if name := query.Get("user"); name != "" {
		known := false
		if user, known = s.User(name); !known {
			return nil, fmt.Errorf("there is no user %q", name)
		}
	}
	switch query.Get("type") {
	case "WEBAPP":
		return anything(s.WebApps(user)), nil
	case "FINDING":
		return anything(s.WebFindings(user)), nil
	case "HOST":
		return anything(s.Hosts(user)), nil
	case "DETECTION":
		return anything(s.Detections(user)), nil
	case "KNOWLEDGEBASE":
		return anything(s.Knowledge()), nil
	}
	t, err := estate.ParseAssetType(query.Get("type"))
	if err != nil {
		return nil, fmt.Errorf("%w, WEBAPP, FINDING, HOST, DETECTION or KNOWLEDGEBASE", err)
	}
	if query.Get("hidden") == "true" {
		return anything(s.WholeTruth(t)), nil
	}
	return anything(s.Truth(t)), nil
}

func anything[T any](records iter.Seq[T]) iter.Seq[any] {
	return func(yield func(any) bool) {
		records(func(record T) bool { return yield(record) })
	}
}
