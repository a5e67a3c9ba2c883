package qps_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys/qps"
	"sluice/internal/transport"
)

// inXML is a vendor that answers in XML, as the handler does.
func inXML(t testing.TB, s qps.Search, search http.HandlerFunc) qps.Search {
	s = calling(t, s, search, false)
	ask, limit := s.Ask, cmp.Or(s.MaxRecord, 64<<20)
	s.Ask = func(ctx context.Context, q qps.Query) (*transport.Response, error) {
		resp, err := ask(ctx, q)
		if err == nil {
			qps.FromXML(resp, limit)
		}
		return resp, err
	}
	return s
}

// xmlAnswers is a vendor that answers the n-th page with the n-th of the
// bodies, from then on with the last.
func xmlAnswers(t testing.TB, s qps.Search, bodies ...string) qps.Search {
	n := 0
	return inXML(t, s, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, bodies[min(n, len(bodies)-1)])
		n++
	})
}

// TestAnswersInXMLBecomeWhatTheyAreInJSON, but that numbers are texts.
func TestAnswersInXMLBecomeWhatTheyAreInJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ xml, json string }{
		"texts": {
			`<Tag><id> 5 </id><a>x &lt;&amp;&apos;&#228;</a><b><![CDATA[<i>&quot;</i>]]></b><c>  </c><d/><e><![CDATA[]]></e></Tag>`,
			`{"id":"5","a":"x <&'ä","b":"<i>&quot;</i>","c":"","d":"","e":""}`,
		},
		"padded texts": {"<Tag><id>5</id><a>\n <![CDATA[ \n x \t\r\n ]]>\n</a></Tag>", `{"id":"5","a":"x"}`},
		"objects":      {`<Tag><id>5</id><owner><id>7</id><x><y>1</y></x></owner></Tag>`, `{"id":"5","owner":{"id":"7","x":{"y":"1"}}}`},
		"lists": {
			`<Tag><id>5</id><tags><count>2</count><list><Tag><id>1</id></Tag><Tag><id>2</id></Tag></list></tags></Tag>`,
			`{"id":"5","tags":{"count":"2","list":[{"Tag":{"id":"1"}},{"Tag":{"id":"2"}}]}}`,
		},
		"a list of one":      {`<Tag><id>5</id><tags><list><Tag><id>1</id></Tag></list></tags></Tag>`, `{"id":"5","tags":{"list":[{"Tag":{"id":"1"}}]}}`},
		"an empty list":      {`<Tag><id>5</id><tags><count>0</count><list/></tags></Tag>`, `{"id":"5","tags":{"count":"0","list":[]}}`},
		"a set":              {`<Tag><id>5</id><history><set><Scan><id>1</id></Scan></set></history></Tag>`, `{"id":"5","history":{"set":[{"Scan":{"id":"1"}}]}}`},
		"numbers in a list":  {`<Tag><id>5</id><cwe><list><long>79</long><long>x</long><long>007</long></list></cwe></Tag>`, `{"id":"5","cwe":{"list":[79,"x","007"]}}`},
		"texts in a list":    {`<Tag><id>5</id><l><list><string>a</string></list></l></Tag>`, `{"id":"5","l":{"list":["a"]}}`},
		"an attribute":       {`<Tag><id>5</id><l><list><UrlEntry regex="true"><![CDATA[a|b]]></UrlEntry></list></l></Tag>`, `{"id":"5","l":{"list":[{"UrlEntry":{"regex":"true","value":"a|b"}}]}}`},
		"text beside":        {`<Tag><id>5</id><a>one<b>two</b>three</a></Tag>`, `{"id":"5","a":{"b":"two","value":"onethree"}}`},
		"comments":           {`<!-- a --><Tag><!-- b --><id>5<!-- c --></id><!-- <id>6</id> --></Tag><!-- d -->`, `{"id":"5"}`},
		"no declared entity": {`<Tag><id>5</id><a>&nbsp;</a></Tag>`, `{"id":"5","a":"&nbsp;"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `<?xml version="1.0" encoding="UTF-8"?><!-- x --><ServiceResponse xmlns:xsi="a" xsi:noNamespaceSchemaLocation="b"><responseCode>SUCCESS</responseCode>` +
				`<count>1</count><hasMoreRecords>false</hasMoreRecords><data>` + c.xml + `</data></ServiceResponse><!-- y -->`
			reader, err := qps.NewReader(xmlAnswers(t, small, body), "")
			require.NoError(t, err)
			defer reader.Close()
			chunk, err := reader.Next(t.Context())
			require.NoError(t, err)
			require.JSONEq(t, c.json, string(chunk.Data))
			require.True(t, chunk.End)
			require.Empty(t, chunk.Doubt)
		})
	}
}

func TestXMLThatIsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body  string
		class fault.Class
		says  string
	}{
		"a web page":           {`<!DOCTYPE html><html lang=en><title>Sign in</title><br></html>`, fault.Contract, "login page"},
		"a page with a title":  {`<html><head><title>Down for maintenance</title>`, fault.Contract, "Down for maintenance"},
		"another document":     {`<ServiceRequest><a/></ServiceRequest>`, fault.Contract, "something else than a ServiceResponse"},
		"an expired account":   {`<?xml version="1.0"?><SIMPLE_RETURN><RESPONSE><CODE>2001</CODE><TEXT>Your account has expired.</TEXT></RESPONSE></SIMPLE_RETURN>`, fault.Auth, "has expired"},
		"text":                 {`Bad Gateway`, fault.Contract, "not valid XML"},
		"JSON":                 {`{"ServiceResponse":{}}`, fault.Contract, "not valid XML"},
		"nothing":              {``, fault.Transient, "too early"},
		"a cut envelope":       {`<ServiceResponse><responseCode>SUCC`, fault.Transient, "too early"},
		"no marker":            {`<ServiceResponse><responseCode>SUCCESS</responseCode><data/></ServiceResponse>`, fault.Contract, "does not say"},
		"an endless envelope":  {`<ServiceResponse><responseCode>` + strings.Repeat("x", 2<<20), fault.Contract, "larger than 1 MiB"},
		"wrong tags":           {`<ServiceResponse><count>1</data>`, fault.Contract, "not valid XML"},
		"an error of the body": {`<ServiceResponse><responseCode>INVALID_REQUEST</responseCode><responseErrorDetails><errorMessage>it&apos;s bad</errorMessage></responseErrorDetails></ServiceResponse>`, fault.Refused, "it's bad"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said []string
			s := small
			s.Explain = func(_ *fault.Error, code string) { said = append(said, code) }
			got := read(t, xmlAnswers(t, s, c.body))
			f := fault.As(got.err)
			require.NotNil(t, f, "%v", got.err)
			require.Equal(t, c.class, f.Class, got.err)
			require.ErrorContains(t, got.err, c.says)
			if c.class == fault.Auth {
				require.Equal(t, []string{"2001"}, said)
			}
		})
	}
}

// TestARecordThatIsNotXMLIsSetAside: the others arrive.
func TestARecordThatIsNotXMLIsSetAside(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		record string
		says   string
	}{
		"wrong tags":         {`<Tag><id>3</id><a></b></Tag>`, "not valid XML"},
		"nested too deep":    {`<Tag><id>3</id>` + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + `</Tag>`, "nesting"},
		"too large":          {`<Tag><id>3</id><a>` + strings.Repeat("x", 200<<10) + `</a></Tag>`, "larger than"},
		"one element of all": {`<Tag><id>3</id>` + strings.Repeat("<a>x</a>", 20<<10) + `</Tag>`, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := small
			s.MaxRecord = 100 << 10
			got := read(t, inXML(t, s, func(w http.ResponseWriter, r *http.Request) {
				after, limit, skip := askedFrom(t, r)
				var records []string
				for id := after + 1 + skip; id <= 5 && len(records) < limit; id++ {
					record := `<Tag><id>` + strconv.Itoa(id) + `</id></Tag>`
					if id == 3 {
						record = c.record
					}
					records = append(records, record)
				}
				fmt.Fprintf(w, `<ServiceResponse><count>%d</count><hasMoreRecords>%t</hasMoreRecords><data>%s</data></ServiceResponse>`,
					len(records), after+skip+len(records) < 5, strings.Join(records, ""))
			}))
			require.NoError(t, got.err)
			require.Equal(t, []string{"1", "2", "4", "5"}, got.ids)
			require.Len(t, got.setAside, 1)
			require.Contains(t, got.setAside[0].Reason, c.says)
			require.Equal(t, "3", got.setAside[0].ExternalID)
			require.Empty(t, got.last.Doubt)
		})
	}
}

// TestAnAnswerInXMLThatIsCutGoesOnAfterTheLastRecord.
func TestAnAnswerInXMLThatIsCutGoesOnAfterTheLastRecord(t *testing.T) {
	t.Parallel()
	got := read(t, xmlAnswers(t, small,
		`<ServiceResponse><count>3</count><hasMoreRecords>false</hasMoreRecords><data><Tag><id>1</id></Tag><Tag><id>2</id></Tag><Tag><id>3`,
		`<ServiceResponse><count>1</count><hasMoreRecords>false</hasMoreRecords><data><Tag><id>3</id></Tag></data></ServiceResponse>`))
	require.NoError(t, got.err)
	require.Equal(t, []string{"1", "2", "3"}, got.ids)
}

// FuzzXML: whatever comes, what is delivered is JSON, whole when there is no
// error, and the error is one of ours.
func FuzzXML(f *testing.F) {
	for _, body := range []string{
		`<ServiceResponse><responseCode>SUCCESS</responseCode><count>1</count><data><Tag><id>1</id><l><list><long>5</long></list></l></Tag></data></ServiceResponse>`,
		`<ServiceResponse><data><Tag regex="1">a<b/>c</Tag><list><list/></list></data>`,
		`<SIMPLE_RETURN><RESPONSE><CODE>2001</CODE></RESPONSE></SIMPLE_RETURN>`, `<html>`, ``, `<a`, "<ServiceResponse>\x00&#0;<![CDATA[]]></ServiceResponse>",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got := read(t, xmlAnswers(t, qps.Search{PageSize: 1, Backoff: time.Nanosecond}, body, `<ServiceResponse><count>0</count></ServiceResponse>`))
		if got.err != nil {
			require.NotNil(t, fault.As(got.err), "%v", got.err)
		}
	})
}
