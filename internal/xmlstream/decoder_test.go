package xmlstream_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/xmlstream"
)

const plainTokens = `<a> <b> "x" </b> </a>`

func TestWhatIsRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ document, want string }{
		"plain":                    {"<a><b>x</b></a>", plainTokens},
		"XML declaration":          {`<?xml version="1.0" encoding="UTF-8" ?><a><b>x</b></a>`, plainTokens},
		"declaration without it":   {`<?xml version='1.0'?><a><b>x</b></a>`, plainTokens},
		"white space before it":    {"\r\n<?xml version='1.0'?>\n<a><b>x</b></a>", plainTokens},
		"byte order mark":          {"\xEF\xBB\xBF<a><b>x</b></a>", plainTokens},
		"mark and declaration":     {"\xEF\xBB\xBF<?xml version='1.0'?><a><b>x</b></a>", plainTokens},
		"DOCTYPE":                  {"<!DOCTYPE a\nSYSTEM \"https://vendor.example/a>b.dtd\">\n<a><b>x</b></a>", plainTokens},
		"internal subset":          {`<!DOCTYPE a [<!ELEMENT a (b)><!-- ' > --><!ENTITY e "<b>]>">]><a><b>x</b></a>`, plainTokens},
		"comments everywhere":      {"<!-- 1 //--> <a><!-- 2 --><b><!----><!-- <c> -->x</b><!-- a--b --></a> <!-- 3 --><!-- 4 -->\n", plainTokens},
		"instructions":             {`<?xml-stylesheet href="a"?><?p ?><a><b>x</b><?p <c> ?></a><?p?>`, plainTokens},
		"self-closing":             {`<a><b/><c /><d e="f"/></a>`, "<a> <b> </b> <c> </c> <d> </d> </a>"},
		"self-closing root":        {`<a/>`, "<a> </a>"},
		"white space in tags":      {"<a\n><b\t>x</b\r\n></a >", plainTokens},
		"'>' in an attribute":      {`<a c="x>y" d='"/>'><b>x</b></a>`, plainTokens},
		"prefixes":                 {`<s:a xmlns:s="urn:s"><b-1.c_d/></s:a>`, "<s:a> <b-1.c_d> </b-1.c_d> </s:a>"},
		"names beyond ASCII":       {"<größe/>", "<größe> </größe>"},
		"text around elements":     {"<a> x <b/> y </a>", `<a> " x " <b> </b> " y " </a>`},
		"comment inside of text":   {"<a>x<!-- y -->z<?p?>!</a>", `<a> "xz!" </a>`},
		"CDATA":                    {"<a><![CDATA[<b>&amp;]]></a>", `<a> "<b>&amp;" </a>`},
		"padded CDATA":             {"<a>\n  <![CDATA[x]]>\n</a>", `<a> "\n  x\n" </a>`},
		"several CDATA and text":   {"<a>1<![CDATA[2]]><![CDATA[]]><![CDATA[3]]>4</a>", `<a> "1234" </a>`},
		"brackets in CDATA":        {"<a><![CDATA[x]]]]><![CDATA[>]>]]]></a>", `<a> "x]]>]>]" </a>`},
		"brackets in text":         {"<a>x]]>y></a>", `<a> "x]]>y>" </a>`},
		"the five entities":        {"<a>&lt;&gt;&amp;&apos;&quot;</a>", `<a> "<>&'\"" </a>`},
		"numeric references":       {"<a>&#65;&#x42;&#x1F600;&#0000067;&#xe9;</a>", `<a> "AB😀Cé" </a>`},
		"references to nothing":    {"<a>&#0;&#xD800;&#x110000;&#99999999999999999999;</a>", `<a> "����" </a>`},
		"other references":         {"<a>&nbsp;&b;&#;&#x;&#1a;&#X41;</a>", `<a> "&nbsp;&b;&#;&#x;&#1a;&#X41;" </a>`},
		"ampersands":               {"<a>&</a>", `<a> "&" </a>`},
		"ampersands between":       {"<a>AT&T &;&& &amp</a>", `<a> "AT&T &;&& &amp" </a>`},
		"a very long reference":    {"<a>&" + strings.Repeat("x", 200) + ";</a>", `<a> "&` + strings.Repeat("x", 200) + `;" </a>`},
		"entities of the document": {`<!DOCTYPE a [<!ENTITY e "ha"><!ENTITY f SYSTEM "file:///etc/passwd">]><a>&e;&f;</a>`, `<a> "&e;&f;" </a>`},
		"line ends":                {"<a>1\r\n2\r3\n\r4<![CDATA[\r\n5\r]]>\r</a>", `<a> "1\n2\n3\n\n4\n5\n\n" </a>`},
		"a carriage return meant":  {"<a>&#13;\n</a>", `<a> "\r\n" </a>`},
		"NUL":                      {"<a>x\x00y<![CDATA[\x00]]></a>", `<a> "x�y�" </a>`},
		"control characters":       {"<a>\x01\x1f\x7f</a>", `<a> "\x01\x1f\x7f" </a>`},
		"UTF-8":                    {"<a>é€😀<![CDATA[日本]]></a>", `<a> "é€😀日本" </a>`},
		"not UTF-8":                {"<a>x\xff\xe2\x82y\xc0\xafz\xed\xa0\x80</a>", `<a> "x���y��z���" </a>`},
		"not UTF-8 in references":  {"<a>&\xff;&é;</a>", `<a> "&�;&é;" </a>`},
		"not UTF-8 at the end":     {"<a>\xe2\x82</a>", `<a> "��" </a>`},
		"ISO-8859-1":               {"<?xml version='1.0' encoding='ISO-8859-1'?><a>gr\xfc\xdfe &amp; \xe9</a>", `<a> "grüße & é" </a>`},
		"US-ASCII":                 {"<?xml version='1.0' encoding='us-ascii'?><a>x\xfc</a>", `<a> "x�" </a>`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tokens(decoder(c.document))
			require.Equal(t, io.EOF, err)
			require.Equal(t, c.want, strings.Join(got, " "))
		})
	}
}

func TestWhatIsNotXML(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ document, reason string }{
		"JSON":                   {`{"message":"no"}`, "outside of the root"},
		"text before the root":   {"x<a/>", "outside of the root"},
		"text after the root":    {"<a/>x", "outside of the root"},
		"CDATA after the root":   {"<a/><![CDATA[x]]>", "outside of the root"},
		"second root":            {"<a/><b/>", "second root"},
		"end without start":      {"</a>", "without its start"},
		"one end too many":       {"<a></a></a>", "without its start"},
		"tags that do not match": {"<a><b></a></b>", "<b> is ended by </a>"},
		"a longer end":           {"<a></ab>", "<a> is ended by </ab>"},
		"HTML":                   {"<!doctype html><html><body><br></body></html>", "<br> is ended by </body>"},
		"tag without a name":     {"<a>< b/></a>", "no valid name"},
		"empty tag":              {"<>", "no valid name"},
		"name that is a number":  {"<1/>", "no valid name"},
		"name not in UTF-8":      {"<a\xff/>", "no valid name"},
		"tag in a tag":           {"<a <b/>", "inside of a tag"},
		"'<' in an attribute":    {`<a b="<"/>`, "inside of a tag"},
		"attribute not quoted":   {"<a b=c/>", "not in quotes"},
		"attribute alone":        {"<a b/>", "has no value"},
		"attribute unnamed":      {`<a ="b"/>`, "no valid name"},
		"quote alone":            {`<p don't>`, "begins no value"},
		"attribute twice":        {`<a b="1" b="2"/>`, "twice"},
		"no declaration":         {"<!'><a/>", "has no name"},
		"late DOCTYPE":           {"<a><!DOCTYPE a></a>", "behind the start"},
		"UTF-16":                 {"\xFF\xFE<\x00a\x00", "encoding is UTF-16"},
		"text beyond ASCII":      {"é<a/>", "outside of the root"},
		"another encoding":       {"<?xml version='1.0' encoding='Shift_JIS'?><a/>", `encoding "shift_jis"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tokens(decoder(c.document))
			var syntax *xmlstream.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.ErrorContains(t, err, c.reason)
			require.LessOrEqual(t, syntax.Offset, int64(len(c.document)))
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	limits := xmlstream.Limits{Depth: 3, Name: 8, Attributes: 2, Tag: 64, Doctype: 64}
	long := strings.Repeat("x", 200_000)
	for name, c := range map[string]struct{ fits, exceeds, what string }{
		"depth":          {"<a><b><c/></b></a>", "<a><b><c><d/></c></b></a>", "nesting"},
		"name":           {"<a2345678/>", "<a23456789/>", "name"},
		"attributes":     {"<a b='' c=''/>", "<a b='' c='' d=''/>", "number of attributes"},
		"start tag":      {"<a b='" + long[:56] + "'/>", "<a b='" + long[:57] + "'/>", "tag"},
		"endless value":  {"<a b='>'/>", "<a b='" + long, "tag"},
		"endless name":   {"<a/>", "<" + long, "tag"},
		"end tag":        {"<a></a" + strings.Repeat(" ", 50) + ">", "<a></a" + strings.Repeat(" ", 100) + ">", "tag"},
		"DOCTYPE":        {"<!DOCTYPE a '" + long[:40] + "'><a/>", "<!DOCTYPE a '" + long[:60] + "'><a/>", "DOCTYPE"},
		"endless subset": {"<!DOCTYPE a []><a/>", "<!DOCTYPE a [" + strings.Repeat("<!-- > -->", 1000), "DOCTYPE"},
		"declaration":    {"<?xml version='1.0'?><a/>", "<?xml " + long, "XML declaration"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tokens(xmlstream.NewDecoder(strings.NewReader(c.fits), limits))
			require.Equal(t, io.EOF, err)

			_, err = tokens(xmlstream.NewDecoder(strings.NewReader(c.exceeds), limits))
			var limit *xmlstream.LimitError
			require.ErrorAs(t, err, &limit)
			require.Contains(t, err.Error(), c.what)
		})
	}
}

func TestATruncatedDocumentIsNeverTakenForAWholeOne(t *testing.T) {
	t.Parallel()
	document := "\xEF\xBB\xBF<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY e \"x\">]>" +
		"<!-- c --><a b=\"c\"><?p?>é&amp;<![CDATA[x]]y]]><d/>\r\n<e\n>x</e ></a>"
	_, err := tokens(decoder(document))
	require.Equal(t, io.EOF, err)
	for n := range len(document) {
		_, err := tokens(decoder(document[:n]))
		var truncated *xmlstream.TruncatedError
		require.ErrorAs(t, err, &truncated, "%q", document[:n])
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.EqualValues(t, n, truncated.Offset)
		require.ErrorContains(t, err, "the XML ends too early")

		broken := io.MultiReader(strings.NewReader(document[:n]), iotest.ErrReader(&fault.Error{Class: fault.Transient, Code: "cut"}))
		_, err = tokens(xmlstream.NewDecoder(broken, xmlstream.Limits{}))
		require.ErrorAs(t, err, &truncated)
		require.Equal(t, "cut", fault.As(err).Code)
	}
	for _, rest := range []string{"<!-", "<!-- c --", "<?p ", "<"} {
		_, err := tokens(decoder(document + "\n" + rest))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%q", rest)
	}
}

func TestAnErrorIsFinal(t *testing.T) {
	t.Parallel()
	for _, document := range []string{"<a>", "<a/>x", "<a/>"} {
		d := decoder(document)
		_, err := tokens(d)
		require.Error(t, err)
		_, again := d.Next()
		require.Equal(t, err, again)
	}
}

func TestAReaderThatGivesNothingIsGivenUp(t *testing.T) {
	t.Parallel()
	_, err := xmlstream.NewDecoder(nothing{}, xmlstream.Limits{}).Next()
	require.ErrorIs(t, err, io.ErrNoProgress)
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

func TestChunksOfTheAnswerDoNotMatter(t *testing.T) {
	t.Parallel()
	document := detectionsHead + strings.ReplaceAll(host(1, 3), "Example", "Ex&#228;mplé &amp; &nbsp;\r\n ]]") + detectionsTail
	for _, document := range []string{document, "<?xml version='1.0' encoding='latin1'?><a>\xe9\xe8</a>"} {
		want, err := tokens(decoder(document))
		require.Equal(t, io.EOF, err)
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "data with the error": iotest.DataErrReader,
		} {
			got, err := tokens(xmlstream.NewDecoder(wrap(strings.NewReader(document)), xmlstream.Limits{}))
			require.Equal(t, io.EOF, err, name)
			require.Equal(t, want, got, name)
		}
	}
}

func TestALongTextComesInPieces(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ begin, unit, decoded, end string }{
		"text":       {"<a>", "x", "x", "</a>"},
		"references": {"<a>", "&#x20AC;", "€", "</a>"},
		"CDATA":      {"<a><![CDATA[", "]]é", "]]é", "]]></a>"},
		"not UTF-8":  {"<a>", "\xff", "\uFFFD", "</a>"},
		"line ends":  {"<a>", "\r\n", "\n", "</a>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const units = 100_001
			d := decoder(c.begin + strings.Repeat(c.unit, units) + c.end)
			kind, err := d.Next()
			require.Equal(t, xmlstream.Start, kind)
			require.NoError(t, err)
			length, pieces := 0, 0
			for {
				kind, err := d.Next()
				require.NoError(t, err)
				if kind == xmlstream.End {
					break
				}
				require.Empty(t, strings.ReplaceAll(string(d.Text()), c.decoded, ""), "whole units")
				length += len(d.Text())
				pieces++
			}
			require.Equal(t, units*len(c.decoded), length)
			require.Greater(t, pieces, 1)
		})
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	d := decoder(`<a b="1 &amp; &quot;2&#x22;" xsi:c='&nope;' d = "" e="` + "\r\n\x00\xff" + `"><f/></a>`)
	_, err := d.Next()
	require.NoError(t, err)
	first, _ := d.Attr("b")
	for name, want := range map[string]string{"b": `1 & "2"`, "xsi:c": "&nope;", "d": "", "e": "\n\uFFFD\uFFFD"} {
		got, ok := d.Attr(name)
		require.True(t, ok, name)
		require.Equal(t, want, string(got), name)
	}
	require.Equal(t, `1 & "2"`, string(first))
	_, ok := d.Attr("c")
	require.False(t, ok)
	_, err = d.Next()
	require.NoError(t, err)
	_, ok = d.Attr("b")
	require.False(t, ok, "of another element")
}

func TestWalkingByChildren(t *testing.T) {
	t.Parallel()
	d := decoder("<!-- c --><list> <id> 7\n</id> <big><x><y>z</y></x></big> text <name>N &amp; <i>not</i>M</name><last/> </list><!-- d -->")
	child := func(want string) {
		is, err := d.Child()
		require.NoError(t, err)
		require.True(t, is)
		require.Equal(t, want, string(d.Name()))
	}
	child("list")
	require.Equal(t, 1, d.Depth())
	child("id")
	id, err := d.ReadText(10)
	require.NoError(t, err)
	require.Equal(t, "7", id)
	child("big")
	require.Equal(t, 2, d.Depth())
	require.NoError(t, d.Skip())
	require.Equal(t, "big", string(d.Name()))
	child("name")
	name, err := d.ReadText(10)
	require.NoError(t, err)
	require.Equal(t, "N & M", name)
	child("last")
	require.NoError(t, d.Skip())

	is, err := d.Child()
	require.NoError(t, err)
	require.False(t, is)
	require.Zero(t, d.Depth())
	_, err = d.Child()
	require.Equal(t, io.EOF, err)
}

func TestATextThatIsTooLongIsPassed(t *testing.T) {
	t.Parallel()
	d := decoder("<a><b>" + strings.Repeat("x", 200_000) + "<c/></b><d>y</d></a>")
	for range 2 {
		_, err := d.Child()
		require.NoError(t, err)
	}
	_, err := d.ReadText(100_000)
	var limit *xmlstream.LimitError
	require.ErrorAs(t, err, &limit)
	require.Contains(t, err.Error(), "the text of b exceeds 100000")
	is, err := d.Child()
	require.NoError(t, err)
	require.True(t, is)
	require.Equal(t, "d", string(d.Name()))
}

func TestWhereTheDecoderIs(t *testing.T) {
	t.Parallel()
	document := "<?xml version='1.0' encoding='latin1'?><a><b>" + strings.Repeat("x", 2000) + "</b></a>"
	d := decoder(document)
	require.Empty(t, d.Head())
	for range 2 {
		_, err := d.Next()
		require.NoError(t, err)
	}
	require.EqualValues(t, strings.Index(document, "xx"), d.InputOffset())
	_, err := tokens(d)
	require.True(t, errors.Is(err, io.EOF))
	require.EqualValues(t, len(document), d.InputOffset())
	require.Equal(t, document[:1024], string(d.Head()))
}
