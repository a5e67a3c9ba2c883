package simulator_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
)

// qps is a plain reader of the simulated QPS API in one dialect, written against
// the vendor's documentation and recordings.
type qps struct {
	*vendor
	media string // of requests and answers
	user  simulator.User
}

const (
	mediaXML  = "application/xml"
	mediaJSON = "application/json"
)

var bothMedia = []string{mediaXML, mediaJSON}

func webConfig() simulator.Config {
	return simulator.Config{Seed: 42, WebApps: 60, WebFindings: 700, Start: start}
}

func (v *vendor) qps(media string) *qps { return &qps{v, media, v.sim.DefaultUser()} }

func (q *qps) as(name string) *qps {
	user, known := q.sim.User(name)
	require.True(q.t, known, name)
	return &qps{q.vendor, q.media, user}
}

// call makes a call with the user's name and password.
func (q *qps) call(method, path, body string) answer {
	r, err := http.NewRequestWithContext(q.t.Context(), method, "http://x", nil)
	require.NoError(q.t, err)
	r.SetBasicAuth(q.user.Name, q.user.Password)
	a, err := q.do(method, path, body, "Authorization", r.Header.Get("Authorization"), "X-Requested-With", "test",
		"Content-Type", q.media, "Accept", q.media)
	require.NoError(q.t, err)
	return a
}

// body is a ServiceRequest: preferences as "name=value", criteria as field,
// operator, value.
func (q *qps) body(preferences []string, criteria ...[3]string) string {
	if q.media == mediaJSON {
		wanted, list := map[string]string{}, []map[string]string{}
		for _, p := range preferences {
			name, value, _ := strings.Cut(p, "=")
			wanted[name] = value
		}
		for _, c := range criteria {
			list = append(list, map[string]string{"field": c[0], "operator": c[1], "value": c[2]})
		}
		body, err := json.Marshal(map[string]any{"ServiceRequest": map[string]any{
			"preferences": wanted, "filters": map[string]any{"Criteria": list},
		}})
		require.NoError(q.t, err)
		return string(body)
	}
	var b strings.Builder
	b.WriteString("\n  <ServiceRequest><preferences>")
	for _, p := range preferences {
		name, value, _ := strings.Cut(p, "=")
		fmt.Fprintf(&b, "<%s>%s</%[1]s>", name, value)
	}
	b.WriteString("</preferences><filters>")
	for _, c := range criteria {
		fmt.Fprintf(&b, `<Criteria field="%s" operator="%s">`, c[0], c[1])
		require.NoError(q.t, xml.EscapeText(&b, []byte(c[2])))
		b.WriteString("</Criteria>")
	}
	b.WriteString("</filters></ServiceRequest>\n")
	return b.String()
}

// tree is an answer as an object: scalars are strings, lists []any, and an
// element of a list that has a type is an object of one member.
type tree = map[string]any

// read decodes an answer of either dialect into the same tree.
func (q *qps) read(a answer) tree {
	require.NoError(q.t, a.err)
	if strings.HasPrefix(a.header.Get("Content-Type"), mediaJSON) {
		decoder := json.NewDecoder(bytes.NewReader(a.body))
		decoder.UseNumber()
		var root tree
		require.NoError(q.t, decoder.Decode(&root), string(a.body))
		return texts(root["ServiceResponse"]).(tree)
	}
	require.Equal(q.t, mediaXML, a.header.Get("Content-Type"))
	root, err := parseXML(a.body)
	require.NoError(q.t, err, string(a.body))
	return root.(tree)
}

func texts(value any) any {
	switch value := value.(type) {
	case tree:
		for name := range value {
			value[name] = texts(value[name])
		}
	case []any:
		for i := range value {
			value[i] = texts(value[i])
		}
	case json.Number:
		return value.String()
	}
	return value
}

func parseXML(body []byte) (any, error) {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	var root any
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		if element, ok := token.(xml.StartElement); ok {
			if root, err = parseElement(decoder, element.Name.Local); err != nil {
				return nil, err
			}
		}
	}
}

func parseElement(decoder *xml.Decoder, name string) (any, error) {
	isList := name == "list" || name == "data"
	members, elements, text := tree{}, []any{}, ""
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.CharData:
			text += string(token)
		case xml.StartElement:
			child, err := parseElement(decoder, token.Name.Local)
			if err != nil {
				return nil, err
			}
			switch {
			case isList && token.Name.Local == "long":
				elements = append(elements, child)
			case isList:
				elements = append(elements, tree{token.Name.Local: child})
			default:
				members[token.Name.Local] = child
			}
		case xml.EndElement:
			switch {
			case isList:
				return elements, nil
			case len(members) > 0:
				return members, nil
			}
			return strings.TrimSpace(text), nil
		}
	}
}

const (
	webAppsPath  = "/qps/rest/3.0/search/was/webapp"
	findingsPath = "/qps/rest/3.0/search/was/finding"
)

// ok makes a call that succeeds.
func (q *qps) ok(method, path, body string) tree {
	a := q.call(method, path, body)
	require.Equal(q.t, http.StatusOK, a.status, string(a.body))
	answer := q.read(a)
	require.Equal(q.t, "SUCCESS", answer["responseCode"], string(a.body))
	return answer
}

// refused makes a call that is refused under HTTP 200, and returns its code,
// message and resolution.
func (q *qps) refused(method, path, body string) [3]string {
	a := q.call(method, path, body)
	require.Equal(q.t, http.StatusOK, a.status, string(a.body))
	answer := q.read(a)
	require.NotContains(q.t, answer, "count")
	require.Empty(q.t, a.header.Get("Evaluation"))
	details, _ := answer["responseErrorDetails"].(tree)
	resolution, _ := details["errorResolution"].(string)
	return [3]string{answer["responseCode"].(string), details["errorMessage"].(string), resolution}
}

// records of a page, without the name of their type.
func records(page tree) []tree {
	var out []tree
	data, _ := page["data"].([]any)
	for _, element := range data {
		for _, record := range element.(tree) {
			out = append(out, record.(tree))
		}
	}
	return out
}

// readAll pages by the id of the last record, as the vendor advises.
func (q *qps) readAll(path string, limit int, preferences []string, criteria ...[3]string) []tree {
	var out []tree
	preferences = append([]string{fmt.Sprintf("limitResults=%d", limit)}, preferences...)
	after := "0"
	for {
		page := q.ok(http.MethodPost, path, q.body(preferences, append(criteria, [3]string{"id", "GREATER", after})...))
		found := records(page)
		require.Equal(q.t, fmt.Sprint(len(found)), page["count"])
		out = append(out, found...)
		if page["hasMoreRecords"] != "true" {
			require.NotContains(q.t, page, "lastId")
			return out
		}
		require.Len(q.t, found, limit)
		after = page["lastId"].(string)
		require.Equal(q.t, found[limit-1]["id"], after)
	}
}

func (q *qps) ids(path string, criteria ...[3]string) []string {
	out := []string{}
	for _, record := range q.readAll(path, 1000, nil, criteria...) {
		out = append(out, record["id"].(string))
	}
	return out
}

func startWeb(t *testing.T, edit ...func(*simulator.Config)) *vendor {
	cfg := webConfig()
	for _, e := range edit {
		e(&cfg)
	}
	return startVendor(t, cfg)
}
