package qualysvm_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/qualys/fo"
	"sluice/internal/source"
	"sluice/internal/source/qualysvm"
)

// answers serve what a test writes: the listing has ids, and answer gives the
// body of every other call. The calls are kept.
func answers(t *testing.T, ids string, answer func(form url.Values) string) (source.Session, func() []url.Values) {
	var mu sync.Mutex
	var calls []url.Values
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		mu.Lock()
		calls = append(calls, r.Form)
		mu.Unlock()
		body := ""
		if r.Form.Get("details") == "None" {
			body = inRoot("HOST_LIST_OUTPUT", "<ID_SET>"+ids+"</ID_SET>")
		} else {
			body = answer(r.Form)
		}
		if status, text, ok := strings.Cut(body, "\n"); ok && len(status) == 3 {
			code, _ := strconv.Atoi(status)
			w.WriteHeader(code)
			body = text
		}
		_, _ = w.Write([]byte(body))
	})
	return openAs(t, address, pages, "exmpl_jd", "password", map[string]string{qualys.FieldConcurrency: "1"}), func() []url.Values {
		mu.Lock()
		defer mu.Unlock()
		return calls
	}
}

func inRoot(root, inner string) string {
	return "<" + root + "><RESPONSE><DATETIME>2026-05-03T10:00:00Z</DATETIME>" + inner + "</RESPONSE></" + root + ">"
}

func hostsOf(ids ...int) string {
	list := ""
	for _, id := range ids {
		list += fmt.Sprintf("<HOST><ID>%d</ID></HOST>", id)
	}
	return "<HOST_LIST>" + list + "</HOST_LIST>"
}

func warning(address string) string {
	return "<WARNING><CODE>1980</CODE><TEXT>2 record limit exceeded.</TEXT><URL><![CDATA[" + address + "]]></URL></WARNING>"
}

func idsOf(t *testing.T, records []string) (ids []string) {
	for _, r := range records {
		ids = append(ids, parse(t, r).ID)
	}
	return ids
}

func TestATruncatedAnswerGoesOnAtItsIDOnTheSameHost(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"another host":      "https://attacker.invalid/api/2.0/fo/asset/host/?action=list&truncation_limit=2&id_min=5&evil=1",
		"entities in CDATA": "https://attacker.invalid/?action=list&amp;id_min=5",
		"a mere query":      "?id_min=5",
	} {
		session, calls := answers(t, "<ID>1</ID><ID>2</ID><ID_RANGE>5-6</ID_RANGE>", func(form url.Values) string {
			if form.Get("id_min") == "5" {
				return inRoot("HOST_LIST_OUTPUT", hostsOf(5, 6))
			}
			return inRoot("HOST_LIST_OUTPUT", hostsOf(1, 2)+warning(address))
		})
		out := full(t, session, qualysvm.Host)
		require.Equal(t, []string{"1", "2", "5", "6"}, idsOf(t, out.records), name)
		require.Equal(t, 2, out.pages)
		require.Empty(t, out.last.Doubt)
		last := calls()[len(calls())-1]
		require.Empty(t, last.Get("evil"), "of the address only the id counts")
		require.Equal(t, "7", last.Get("truncation_limit"))
	}
}

func TestAWarningThatLeadsNowhereIsAnError(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"back": "https://h/?id_min=1", "not a number": "https://h/?id_min=x", "nothing": "https://h/"} {
		session, _ := answers(t, "<ID>1</ID><ID>2</ID>", func(url.Values) string {
			return inRoot("HOST_LIST_OUTPUT", hostsOf(1, 2)+warning(address))
		})
		out := read(t, session, source.Request{AssetType: qualysvm.Host})
		require.NotNil(t, fault.As(out.err), name)
		require.Equal(t, fault.Contract, fault.As(out.err).Class, name)
	}
}

func TestAnUnknownWarningMakesADoubt(t *testing.T) {
	t.Parallel()
	session, _ := answers(t, "<ID>1</ID>", func(url.Values) string {
		return inRoot("HOST_LIST_OUTPUT", hostsOf(1)+"<WARNING><CODE>1234</CODE><TEXT>Some hosts are being moved.</TEXT></WARNING>")
	})
	require.Contains(t, full(t, session, qualysvm.Host).last.Doubt, "Some hosts are being moved")
}

func TestWhatIsNoListIsAnError(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another root":     inRoot("SOMETHING_ELSE", hostsOf(1)),
		"no RESPONSE":      "<HOST_LIST_OUTPUT></HOST_LIST_OUTPUT>",
		"no XML":           "the server is being moved",
		"nothing":          "",
		"JSON":             `{"error":"no"}`,
		"no order":         inRoot("HOST_LIST_OUTPUT", hostsOf(2, 1)),
		"only other hosts": inRoot("HOST_LIST_OUTPUT", hostsOf(4711)),
	} {
		session, _ := answers(t, "<ID>1</ID><ID>2</ID><ID>3</ID><ID>4</ID><ID>5</ID><ID>6</ID><ID>7</ID><ID>8</ID>", func(url.Values) string { return body })
		out := read(t, session, source.Request{AssetType: qualysvm.Host})
		require.NotNil(t, fault.As(out.err), name)
		require.NotEmpty(t, out.err.Error(), name)
	}
}

func TestAParameterThatIsNotKnownIsLeftOut(t *testing.T) {
	t.Parallel()
	session, calls := answers(t, "<ID>1</ID>", func(form url.Values) string {
		switch {
		case form.Has("show_ars"):
			return "400\n<SIMPLE_RETURN><RESPONSE><CODE>1901</CODE><TEXT>Unrecognized parameter(s): show_ars, show_ars_factors</TEXT></RESPONSE></SIMPLE_RETURN>"
		case form.Has("host_metadata"):
			return "400\n<SIMPLE_RETURN><RESPONSE><CODE>1905</CODE><TEXT>parameter host_metadata has invalid value: all</TEXT></RESPONSE></SIMPLE_RETURN>"
		}
		return inRoot("HOST_LIST_OUTPUT", hostsOf(1))
	})
	require.Len(t, full(t, session, qualysvm.Host).records, 1)
	before := len(calls())
	full(t, session, qualysvm.Host)
	require.Len(t, calls(), before+2, "the session remembers it")
	last := calls()[len(calls())-1]
	require.Equal(t, "All/AGs", last.Get("details"))
	require.False(t, last.Has("show_ars_factors"))
}

func TestWhatIsAskedForIsNeverLeftOut(t *testing.T) {
	t.Parallel()
	session, _ := answers(t, "<ID>1</ID>", func(url.Values) string {
		return "400\n<SIMPLE_RETURN><RESPONSE><CODE>1901</CODE><TEXT>Unrecognized parameter(s): vm_processed_after</TEXT></RESPONSE></SIMPLE_RETURN>"
	})
	out := read(t, session, source.Request{AssetType: qualysvm.Host})
	require.Equal(t, qualys.CodeUnknownParameter, fault.As(out.err).Code)
}

func TestADetectionThatIsTooLargeIsSetAsideAlone(t *testing.T) {
	t.Parallel()
	o := pages
	o.Limits.Record = 4 << 10
	body := inRoot("HOST_LIST_VM_DETECTION_OUTPUT", "<HOST_LIST><HOST><ID>1</ID><OS>Linux</OS><DETECTION_LIST>"+
		"<DETECTION><UNIQUE_VULN_ID>11</UNIQUE_VULN_ID></DETECTION>"+
		"<DETECTION><UNIQUE_VULN_ID>12</UNIQUE_VULN_ID><RESULTS>"+strings.Repeat("x", 5<<10)+"</RESULTS></DETECTION>"+
		"<DETECTION><UNIQUE_VULN_ID>13</UNIQUE_VULN_ID></DETECTION></DETECTION_LIST></HOST></HOST_LIST>")
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("details") == "None" {
			_, _ = w.Write([]byte(inRoot("HOST_LIST_OUTPUT", "<ID_SET><ID>1</ID></ID_SET>")))
			return
		}
		_, _ = w.Write([]byte(body))
	})
	out := full(t, openAs(t, address, o, "exmpl_jd", "password", nil), qualysvm.Detection)
	require.Equal(t, []string{`{"ID":"1","OS":"Linux","DETECTION_LIST":{"DETECTION":[` +
		`{"UNIQUE_VULN_ID":"11","DETECTION_ID":"11"},{"UNIQUE_VULN_ID":"13","DETECTION_ID":"13"}]}}`}, out.records)
	require.Len(t, out.setAside, 1)
	require.Equal(t, "1", out.setAside[0].ExternalID)
	require.Contains(t, out.setAside[0].Head, `"12"`)
}

func TestAHostWithoutDetectionsHasAnEmptyListOrNone(t *testing.T) {
	t.Parallel()
	session, _ := answers(t, "<ID>1</ID>", func(url.Values) string {
		return inRoot("HOST_LIST_VM_DETECTION_OUTPUT", "<HOST_LIST><HOST><ID>1</ID><DETECTION_LIST/></HOST><HOST><ID>2</ID><OS/></HOST></HOST_LIST>")
	})
	require.Equal(t, []string{`{"ID":"1","DETECTION_LIST":{}}`, `{"ID":"2","OS":""}`}, full(t, session, qualysvm.Detection).records)
}

func TestAKnowledgeBaseInNoOrderIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	cut := true
	session, calls := answers(t, "", func(form url.Values) string {
		body := inRoot("KNOWLEDGE_BASE_VULN_LIST_OUTPUT",
			"<VULN_LIST><VULN><QID>5</QID></VULN><VULN><QID>3</QID></VULN><VULN><QID>9</QID></VULN></VULN_LIST>")
		if cut {
			cut = false
			return body[:strings.Index(body, "<QID>9")]
		}
		return body
	})
	out := full(t, session, fo.KnowledgeBase.Name)
	require.Equal(t, []string{`{"QID":"5"}`, `{"QID":"3"}`, `{"QID":"5"}`, `{"QID":"3"}`, `{"QID":"9"}`}, out.records,
		"where it goes on cannot be known: it begins anew")
	require.Len(t, calls(), 2)
	require.False(t, calls()[1].Has("id_min"))
	require.False(t, calls()[0].Has("truncation_limit"))
}

func TestAKnowledgeBaseThatTurnsOutToBeInNoOrderIsReadAnew(t *testing.T) {
	t.Parallel()
	cut := true
	session, calls := answers(t, "", func(form url.Values) string {
		if cut {
			cut = false
			body := inRoot("KNOWLEDGE_BASE_VULN_LIST_OUTPUT", "<VULN_LIST><VULN><QID>5</QID></VULN><VULN><QID>9</QID></VULN><VULN><QID>3</QID></VULN></VULN_LIST>")
			return body[:strings.Index(body, "<QID>3")]
		}
		list := ""
		from, _ := strconv.Atoi(form.Get("id_min"))
		for _, qid := range []int{5, 9, 3, 20, 12} {
			if qid >= from {
				list += fmt.Sprintf("<VULN><QID>%d</QID></VULN>", qid)
			}
		}
		return inRoot("KNOWLEDGE_BASE_VULN_LIST_OUTPUT", "<VULN_LIST>"+list+"</VULN_LIST>")
	})
	out := full(t, session, fo.KnowledgeBase.Name)
	for _, qid := range []string{"3", "5", "9", "12", "20"} {
		require.Contains(t, out.records, `{"QID":"`+qid+`"}`)
	}
	var asked []string
	for _, call := range calls() {
		asked = append(asked, call.Get("id_min"))
	}
	require.Equal(t, []string{"", "10", ""}, asked)
	for _, chunk := range out.chunks[1 : len(out.chunks)-1] {
		require.Contains(t, []string{`{"next":10}`, `{}`}, chunk.Cursor)
	}
}

func TestACutConnectionGoesOnAfterTheLastCompleteHost(t *testing.T) {
	t.Parallel()
	host := func(id int, detections int) string {
		list := ""
		for n := range detections {
			list += fmt.Sprintf("<DETECTION><UNIQUE_VULN_ID>%d</UNIQUE_VULN_ID><QID>%d</QID><INSTANCE>%s</INSTANCE></DETECTION>", 100*id+n, n, strings.Repeat("x", 500))
		}
		return fmt.Sprintf("<HOST><ID>%d</ID><DETECTION_LIST>%s</DETECTION_LIST></HOST>", id, list)
	}
	cuts := 0
	session, calls := answers(t, "<ID_RANGE>1-3</ID_RANGE>", func(form url.Values) string {
		from, _ := strconv.Atoi(form.Get("id_min"))
		list := ""
		for id := max(from, 1); id <= 3; id++ {
			list += host(id, 20)
		}
		body := inRoot("HOST_LIST_VM_DETECTION_OUTPUT", "<HOST_LIST>"+list+"</HOST_LIST>")
		if cuts++; cuts == 1 {
			return body[:strings.Index(body, "<UNIQUE_VULN_ID>215")]
		}
		return body
	})
	out := full(t, session, qualysvm.Detection)
	var last []string
	for _, call := range calls() {
		last = append(last, call.Get("id_min"))
	}
	require.Equal(t, []string{"", "", "2"}, last)
	require.Len(t, distinct(detectionLines(t, out.records)), 60)
	require.Greater(t, len(detectionLines(t, out.records)), 60, "the host that was cut begins anew")
	for _, record := range out.records {
		require.Less(t, len(record), 4<<10, "a host is split")
	}
}

func TestARecordIsAskedForAloneBeforeItIsSetAside(t *testing.T) {
	t.Parallel()
	session, calls := answers(t, "<ID_RANGE>1-5</ID_RANGE>", func(form url.Values) string {
		from, _ := strconv.Atoi(form.Get("id_min"))
		to, err := strconv.Atoi(form.Get("id_max"))
		if err != nil {
			to = 5
		}
		var ids []int
		for id := max(from, 1); id <= to; id++ {
			ids = append(ids, id)
		}
		return strings.Replace(inRoot("HOST_LIST_OUTPUT", hostsOf(ids...)), "<ID>3</ID>", "<ID>3</ID><OS>Linux<OS>", 1)
	})
	out := full(t, session, qualysvm.Host)
	require.Equal(t, []string{"1", "2", "4", "5"}, idsOf(t, out.records))
	require.Len(t, out.setAside, 1)
	require.Equal(t, "3", out.setAside[0].ExternalID)
	require.Contains(t, out.setAside[0].Reason, "not valid")
	require.Empty(t, out.last.Doubt)
	var asked []string
	for _, call := range calls()[1:] {
		asked = append(asked, call.Get("id_min")+"-"+call.Get("id_max"))
	}
	require.Equal(t, []string{"-", "3-3", "3-3", "3-3", "4-"}, asked)
}

func TestACutBehindTheLastHostOfARangeLeavesNothingToAskFor(t *testing.T) {
	t.Parallel()
	session, calls := answers(t, "<ID_RANGE>1-10</ID_RANGE>", func(form url.Values) string {
		if form.Get("id_min") == "8" {
			return inRoot("HOST_LIST_OUTPUT", hostsOf(8, 9, 10))
		}
		body := inRoot("HOST_LIST_OUTPUT", hostsOf(1, 2, 3, 4, 5, 6, 7))
		return body[:strings.Index(body, "</HOST_LIST>")]
	})
	out := full(t, session, qualysvm.Host)
	require.Equal(t, []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}, idsOf(t, out.records))
	require.Empty(t, out.last.Doubt)
	var asked []string
	for _, call := range calls()[1:] {
		asked = append(asked, call.Get("id_min")+"-"+call.Get("id_max"))
	}
	require.Equal(t, []string{"-7", "8-"}, asked, "no range ends before it begins")
}
