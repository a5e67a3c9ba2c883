package xmlstream_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"sluice/internal/xmlstream"
)

var shapes = xmlstream.NewShapes(xmlstream.Table{
	Lists:   []string{"ITEM", "TAGS/TAG", "list/*"},
	Objects: []string{"SCORE", "BOX", "IN/PLACE"},
})

func TestElementsAsJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ document, want string }{
		"text":                       {"<A>x</A>", `"x"`},
		"number":                     {"<A>0123</A>", `"0123"`},
		"white space around":         {"<A>\n\t x  y \r\n</A>", `"x  y"`},
		"padded CDATA":               {"<A>\n  <![CDATA[ x ]]>\n</A>", `"x"`},
		"text in parts":              {"<A> a<!-- c --> <![CDATA[ b ]]>&amp;<?p?> </A>", `"a  b &"`},
		"no-break space":             {"<A>\u00a0x\u00a0</A>", "\"\u00a0x\u00a0\""},
		"empty":                      {"<A></A>", `""`},
		"self-closing":               {"<A/>", `""`},
		"white space alone":          {"<A> \n<!-- c --><![CDATA[ ]]></A>", `""`},
		"escapes":                    {"<A>\"\\/\n\t&#13;\x01\x1f\x7f\u2028</A>", `"\"\\/\n\t\r\u0001\u001f` + "\x7f\u2028\""},
		"entities left in CDATA":     {"<A><![CDATA[&quot;x&quot; > y]]></A>", `"&quot;x&quot; > y"`},
		"NUL and bad UTF-8":          {"<A>\x00&#0;\xff</A>", `"` + "\uFFFD\uFFFD\uFFFD" + `"`},
		"children":                   {"<A> <B>1</B>\n<C><D>2</D></C><E/></A>", `{"B":"1","C":{"D":"2"},"E":""}`},
		"prefixes":                   {"<s:A><s:B/></s:A>", `{"s:B":""}`},
		"a list of one":              {"<A><ITEM>1</ITEM></A>", `{"ITEM":["1"]}`},
		"a list of more":             {"<A><ITEM>1</ITEM><ITEM/><ITEM><B>2</B></ITEM><C/></A>", `{"ITEM":["1","",{"B":"2"}],"C":""}`},
		"no list":                    {"<A><B/></A>", `{"B":""}`},
		"lists in lists":             {"<A><ITEM><ITEM>1</ITEM><ITEM>2</ITEM></ITEM><ITEM>3</ITEM></A>", `{"ITEM":[{"ITEM":["1","2"]},"3"]}`},
		"a list in its place alone":  {"<A><TAG>1</TAG><TAGS><TAG>2</TAG></TAGS></A>", `{"TAG":"1","TAGS":{"TAG":["2"]}}`},
		"empty parent of a list":     {"<A><TAGS/></A>", `{"TAGS":{}}`},
		"blank parent of a list":     {"<A><TAGS>\n</TAGS></A>", `{"TAGS":{}}`},
		"all children are lists":     {"<A><list><B>1</B><C><D>2</D></C><C/></list></A>", `{"list":{"B":["1"],"C":[{"D":"2"},""]}}`},
		"empty object":               {"<BOX/>", `{}`},
		"empty object, full":         {"<A><BOX> </BOX></A>", `{"BOX":{}}`},
		"object with text":           {"<BOX>x</BOX>", `{"value":"x"}`},
		"object in its place alone":  {"<A><PLACE/><IN><PLACE/></IN></A>", `{"PLACE":"","IN":{"PLACE":{}}}`},
		"attributes and text":        {`<SCORE severity="LOW &amp; &quot;x">35</SCORE>`, `{"severity":"LOW & \"x","value":"35"}`},
		"attributes alone":           {`<SCORE severity="LOW"/>`, `{"severity":"LOW"}`},
		"attributes and children":    {`<SCORE a="1" b=" 2 "><C/></SCORE>`, `{"a":"1","b":" 2 ","C":""}`},
		"attributes not foreseen":    {`<A b="1"><C d="2">x</C></A>`, `{"C":"x"}`},
		"attributes of XML":          {`<BOX xmlns="urn:a" xmlns:b="urn:b" xsi:c="d" b:e="f"/>`, `{"b:e":"f"}`},
		"a repeat not foreseen":      {"<A><B>1</B><B><C/></B><B>3</B></A>", `{"B":["1",{"C":""},"3"]}`},
		"a repeat apart":             {"<A><B>1</B><C>2</C><B>3</B><D>4</D><C>5</C><B>6</B></A>", `{"B":["1","3","6"],"C":["2","5"],"D":"4"}`},
		"a list in parts":            {"<A><ITEM>1</ITEM><B>2</B><ITEM>3</ITEM><C>4</C></A>", `{"ITEM":["1","3"],"B":"2","C":"4"}`},
		"repeats apart inside":       {"<A><B><C>1</C><D>2</D><C>3</C></B><E/><B>4</B></A>", `{"B":[{"C":["1","3"],"D":"2"},"4"],"E":""}`},
		"text beside children":       {"<A>x<B>1</B> y <B>2</B>z</A>", `{"value":["x","y","z"],"B":["1","2"]}`},
		"text behind a child":        {"<A><B>1</B>x</A>", `{"B":"1","value":"x"}`},
		"text beside a child, named": {"<A>x<value>y</value></A>", `{"value":["x","y"]}`},
		"attribute and child":        {`<BOX a="1"><a>2</a></BOX>`, `{"a":["1","2"]}`},
		"a child with a line break":  {"<A>\n<B>x\ny</B>\n</A>", `{"B":"x\ny"}`},
		"names alike":                {"<A><B/><BB/><b/></A>", `{"B":"","BB":"","b":""}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, chunks := range []bool{false, true} {
				d := decoder(c.document)
				if chunks {
					d = xmlstream.NewDecoder(iotest.OneByteReader(strings.NewReader(c.document)), xmlstream.Limits{})
				}
				_, err := d.Child()
				require.NoError(t, err)
				got, err := d.AppendJSON([]byte("before "), shapes, len(c.want))
				require.NoError(t, err)
				require.Equal(t, "before "+c.want, string(got))
				require.True(t, jsontext.Value(c.want).IsValid())
				require.Zero(t, d.Depth())
			}
		})
	}
}

func TestWithoutATable(t *testing.T) {
	t.Parallel()
	d := decoder(`<A><B c="d">1</B><B>2</B></A>`)
	_, err := d.Child()
	require.NoError(t, err)
	got, err := d.AppendJSON(nil, nil, 100)
	require.NoError(t, err)
	require.Equal(t, `{"B":["1","2"]}`, string(got))
}

// A host with very many detections is made into several records, each with the
// host's own fields.
func TestAnElementMemberByMember(t *testing.T) {
	t.Parallel()
	d := decoder("<HOST><ID>7</ID><OS><![CDATA[x]]></OS><ITEM>1</ITEM>" +
		"<TAGS><TAG>2</TAG></TAGS><list><C>3</C><C>4</C></list><LAST/></HOST>")
	_, err := d.Child()
	require.NoError(t, err)
	record := []byte("{")
	for {
		is, err := d.Child()
		require.NoError(t, err)
		if !is {
			break
		}
		if string(d.Name()) != "list" {
			record, err = d.AppendMember(record, shapes, 100)
			require.NoError(t, err)
			continue
		}
		for i := 1; ; i++ {
			is, err := d.Child()
			require.NoError(t, err)
			if !is {
				break
			}
			record, err = d.AppendMember(record, shapes, 100)
			require.NoError(t, err)
			record = append(append(record, `,"n`...), strconv.Itoa(i)...)
			record = append(record, `":1`...)
		}
	}
	require.Equal(t, `{"ID":"7","OS":"x","ITEM":["1"],"TAGS":{"TAG":["2"]},"C":["3"],"n1":1,"C":["4"],"n2":1,"LAST":""`, string(record))
}

func TestWhatIsTooLargeIsPassed(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	alternating := strings.Repeat("<C>x</C><D>x</D>", 2000)
	var many strings.Builder
	for i := range 257 {
		many.WriteString("<e" + strconv.Itoa(i) + "/>")
	}
	for name, c := range map[string]struct{ element, what, head string }{
		"long text":       {"<B><ID>7</ID><C>" + long + "</C></B>", "the JSON of an element exceeds 50000", `{"ID":"7","C":"xxxx`},
		"many children":   {"<B><ID>7</ID>" + strings.Repeat("<C/>", 20_000) + "</B>", "the JSON of an element", `{"ID":"7","C":["","",`},
		"many attributes": {`<BOX a="` + long[:15_000] + `"><b>` + long + "</b></BOX>", "the JSON of an element", `{"a":"xxx`},
		"many names":      {"<B>" + many.String() + "</B>", "different elements in one exceeds 256", `{"e0":"","e1":"`},
		"alternating":     {"<B>" + alternating + "</B>", "repeated elements together", `{"C":["x",`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := decoder("<A>" + c.element + "<NEXT>y</NEXT></A>")
			for range 2 {
				_, err := d.Child()
				require.NoError(t, err)
			}
			got, err := d.AppendJSON([]byte("before "), shapes, 50_000)
			var limit *xmlstream.LimitError
			require.ErrorAs(t, err, &limit)
			require.ErrorContains(t, err, c.what)
			require.True(t, strings.HasPrefix(string(got), "before "+c.head), "%.40s", got)

			_, err = d.Child()
			require.NoError(t, err)
			require.Equal(t, "NEXT", string(d.Name()))
			got, err = d.AppendJSON(nil, shapes, 50_000)
			require.NoError(t, err)
			require.Equal(t, `"y"`, string(got))
		})
	}
}

func TestATruncatedElement(t *testing.T) {
	t.Parallel()
	for _, element := range []string{"<A><ID>7</ID><B>xyz", "<A><ID>7</ID><B>" + strings.Repeat("x", 1000)} {
		d := decoder(element)
		_, err := d.Child()
		require.NoError(t, err)
		got, err := d.AppendJSON(nil, shapes, 100)
		var truncated *xmlstream.TruncatedError
		require.ErrorAs(t, err, &truncated)
		require.True(t, strings.HasPrefix(string(got), `{"ID":"7","B":"x`), "%s", got)
	}
}

func TestHostsOfADocument(t *testing.T) {
	t.Parallel()
	document := detectionsHead + host(1, 2) + host(2, 0) + detectionsTail
	var hosts []string
	require.NoError(t, readHosts(strings.NewReader(document), func(host []byte) { hosts = append(hosts, string(host)) }))
	require.Len(t, hosts, 2)
	require.Contains(t, hosts[0], `"OS":"Example Linux 9.1","DNS_DATA":{"HOSTNAME":"host1","DOMAIN":"","FQDN":"host1.example.com"},"TAGS":{"TAG":[{"TAG_ID":"7","NAME":"Servers & more"}]},"DETECTION_LIST":{"DETECTION":[{"UNIQUE_VULN_ID":"1000",`)
	require.Contains(t, hosts[0], `"RESULTS":"Package\tInstalled Version\tRequired Version\nexample-lib-0\t4.4.0-1074\t4.4.0-1092\nexample-tools\t\"4.15.0\" &quot;1027&quot;\t4.15.0-1047"`)
	require.Contains(t, hosts[0], `"QDS":{"severity":"LOW","value":"35"},"QDS_FACTORS":{"QDS_FACTOR":[{"name":"CVSS","value":"7.7"},{"name":"epss","value":"0.00232"}]}`)
	require.True(t, strings.HasSuffix(hosts[1], `"DETECTION_LIST":{}}`))
}
