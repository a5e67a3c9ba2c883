package xmlstream_test

import (
	"fmt"
	"io"
	"strings"

	"sluice/internal/xmlstream"
)

// tokens reads a document and writes down what Next gives, one string per
// token, with pieces of text joined.
func tokens(d *xmlstream.Decoder) ([]string, error) {
	var all []string
	var text strings.Builder
	for {
		kind, err := d.Next()
		if kind != xmlstream.Text && text.Len() > 0 {
			all = append(all, fmt.Sprintf("%q", text.String()))
			text.Reset()
		}
		if err != nil {
			return all, err
		}
		switch kind {
		case xmlstream.Start:
			all = append(all, "<"+string(d.Name())+">")
		case xmlstream.End:
			all = append(all, "</"+string(d.Name())+">")
		case xmlstream.Text:
			text.Write(d.Text())
		}
	}
}

func decoder(document string) *xmlstream.Decoder {
	return xmlstream.NewDecoder(strings.NewReader(document), xmlstream.Limits{})
}

// A repeater reads head, then block as often as it takes to reach size, then
// tail.
type repeater struct {
	head, block, tail string
	blocks            int
	current           string
}

func repeated(head, block, tail string, size int) *repeater {
	return &repeater{head: head, block: block, tail: tail, blocks: size/len(block) + 1, current: head}
}

func (r *repeater) Read(p []byte) (int, error) {
	if r.current == "" {
		switch {
		case r.blocks > 0:
			r.current = r.block
		case r.blocks == 0:
			r.current = r.tail
		default:
			return 0, io.EOF
		}
		r.blocks--
	}
	n := copy(p, r.current)
	r.current = r.current[n:]
	return n, nil
}

const (
	detectionsHead = `<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE HOST_LIST_VM_DETECTION_OUTPUT SYSTEM "https://vendor.example/dtd/output.dtd">
<!-- evaluation //-->
<HOST_LIST_VM_DETECTION_OUTPUT>
  <RESPONSE>
    <DATETIME>2026-01-01T00:00:00Z</DATETIME>
    <HOST_LIST>
`
	detectionsTail = `    </HOST_LIST>
  </RESPONSE>
</HOST_LIST_VM_DETECTION_OUTPUT>
<!-- confidential -->
`
)

// host is a host with some detections, as the FO API of Qualys shapes it.
func host(id, detections int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `      <HOST>
        <ID>%d</ID>
        <IP>10.1.%d.%d</IP>
        <TRACKING_METHOD>AGENT</TRACKING_METHOD>
        <OS>
          <![CDATA[Example Linux 9.%d]]>
        </OS>
        <DNS_DATA>
          <HOSTNAME><![CDATA[host%d]]></HOSTNAME>
          <DOMAIN />
          <FQDN><![CDATA[host%d.example.com]]></FQDN>
        </DNS_DATA>
        <TAGS>
          <TAG><TAG_ID>7</TAG_ID><NAME><![CDATA[Servers & more]]></NAME></TAG>
        </TAGS>
        <DETECTION_LIST>
`, id, id/250%250, id%250, id%7, id, id)
	for i := range detections {
		fmt.Fprintf(&b, `          <DETECTION>
            <UNIQUE_VULN_ID>%d</UNIQUE_VULN_ID>
            <QID>%d</QID>
            <TYPE>Confirmed</TYPE>
            <SEVERITY>%d</SEVERITY>
            <PORT>443</PORT>
            <PROTOCOL>tcp</PROTOCOL>
            <SSL>1</SSL>
            <RESULTS><![CDATA[Package	Installed Version	Required Version
example-lib-%d	4.4.0-1074	4.4.0-1092
example-tools	"4.15.0" &quot;1027&quot;	4.15.0-1047]]></RESULTS>
            <STATUS>Active</STATUS>
            <FIRST_FOUND_DATETIME>2025-02-05T04:50:45Z</FIRST_FOUND_DATETIME>
            <LAST_FOUND_DATETIME>2026-03-08T20:15:41Z</LAST_FOUND_DATETIME>
            <QDS severity="LOW">35</QDS>
            <QDS_FACTORS>
              <QDS_FACTOR name="CVSS"><![CDATA[7.7]]></QDS_FACTOR>
              <QDS_FACTOR name="epss"><![CDATA[0.00232]]></QDS_FACTOR>
            </QDS_FACTORS>
            <TIMES_FOUND>%d</TIMES_FOUND>
            <LAST_TEST_DATETIME>2026-03-08T20:15:41Z</LAST_TEST_DATETIME>
            <LAST_UPDATE_DATETIME>2026-03-08T20:15:41Z</LAST_UPDATE_DATETIME>
            <IS_IGNORED>0</IS_IGNORED>
            <IS_DISABLED>0</IS_DISABLED>
            <LAST_PROCESSED_DATETIME>2026-03-08T20:15:41Z</LAST_PROCESSED_DATETIME>
          </DETECTION>
`, id*1000+i, 38000+i, i%5+1, i, i*3)
	}
	b.WriteString("        </DETECTION_LIST>\n      </HOST>\n")
	return b.String()
}

var detectionShapes = xmlstream.NewShapes(xmlstream.Table{
	Lists:   []string{"DETECTION_LIST/DETECTION", "QDS_FACTORS/QDS_FACTOR", "TAGS/TAG"},
	Objects: []string{"HOST", "DNS_DATA", "QDS", "QDS_FACTOR"},
})

// readHosts converts the hosts of a document of detections to JSON.
func readHosts(r io.Reader, take func(host []byte)) error {
	d := xmlstream.NewDecoder(r, xmlstream.Limits{})
	var buf []byte
	for {
		kind, err := d.Next()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if kind != xmlstream.Start || string(d.Name()) != "HOST" {
			continue
		}
		if buf, err = d.AppendJSON(buf[:0], detectionShapes, 64<<20); err != nil {
			return err
		}
		take(buf)
	}
}
