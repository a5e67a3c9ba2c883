package qualyswas

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/qualys/qps"
)

// webApp is what reading findings has to know of a web application.
type webApp struct {
	ID   text `json:"id"`
	Tags struct {
		List []struct {
			Tag struct {
				ID   text   `json:"id"`
				Name string `json:"name"`
			}
		} `json:"list"`
	} `json:"tags"`
}

// text is a string or a number, by its digits.
type text []byte

func (t *text) UnmarshalJSON(value []byte) error {
	*t = append((*t)[:0], bytes.Trim(value, `"`)...)
	return nil
}

func (t text) String() string { return string(t) }

// eachWebApp calls do for the web applications that meet the conditions, by
// ascending id. Those that cannot be read are left out; how many is returned.
func (s *session) eachWebApp(ctx context.Context, conditions []criterion, do func(webApp)) (missing int, err error) {
	reader, err := qps.NewReader(s.search(webApps, conditions, false), "")
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	for {
		chunk, err := reader.Next(ctx)
		if err != nil {
			return missing, err
		}
		missing += len(chunk.SetAside)
		for line := range bytes.Lines(chunk.Data) {
			var w webApp
			if err := json.Unmarshal(line, &w); err != nil {
				return missing, listing("one of them is not understood: " + err.Error())
			}
			if id := w.ID.String(); id == "" || !number(id) {
				return missing, listing(fmt.Sprintf("the id of one of them is %q", qualys.Short(id)))
			}
			do(w)
		}
		if chunk.End {
			return missing, nil
		}
	}
}

func listing(reason string) error {
	return &fault.Error{
		Class: fault.Contract, Code: "web-applications",
		Message: "the web applications that Qualys lists are not clear: " + reason,
	}
}

// number says whether a text is of digits alone.
func number(s string) bool { return strings.Trim(s, "0123456789") == "" }
