package vm

import (
	"bytes"
	"strconv"
	"strings"
)

// result is the text that a scan found: chosen, not written out.
type result struct {
	text     string // how it begins; empty when there is none
	revision int
	filler   int // bytes of filler that follow
}

// Filler is what large results go on with, over and over.
const Filler = "package-name-of-some-length 1.2.3-4ubuntu5.6 installed\t1.2.3-4ubuntu5.7 needed & <available>\n"

// result chooses the text of a detection; one in eight has none.
func (r *Record) result(hash uint64, revision int) result {
	if r.w.large.ResultBytes > 0 && r.Index == r.w.first/2 {
		return result{text: results[0], revision: revision, filler: r.w.large.ResultBytes}
	}
	if hash>>61 == 0 {
		return result{}
	}
	return result{text: results[hash>>11%uint64(len(results))], revision: revision}
}

// HasResults tells whether the detection has RESULTS.
func (d *Detection) HasResults() bool { return d.result.text != "" }

// AppendResults appends RESULTS as it stands in the XML, inside a CDATA section;
// flush is called with what there is so far and returns what is left of it.
func (d *Detection) AppendResults(b []byte, flush func([]byte) []byte) []byte {
	if d.result.revision > 0 {
		b = append(b, "Found again, revision "...)
		b = strconv.AppendInt(b, int64(d.result.revision), 10)
		b = append(b, ":\n"...)
	}
	b = append(b, d.result.text...)
	for n := 0; n < d.result.filler; n += len(Filler) {
		b = flush(append(b, Filler...))
	}
	return b
}

// resultsText is RESULTS as a reader of XML has it, without white space around.
func (d *Detection) resultsText() string {
	if !d.HasResults() {
		return ""
	}
	b := d.AppendResults(nil, func(b []byte) []byte { return b })
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) // as XML has it
	b = bytes.ReplaceAll(b, []byte("]]]]><![CDATA[>"), []byte("]]>"))
	return string(bytes.TrimSpace(b))
}

// results are what real ones are like: tables with tabs, whole HTTP transcripts,
// entities left in, white space around, several scripts, the end of a CDATA
// section (in two parts, as XML needs it), short ones and long ones.
var results = [...]string{
	"Package\tInstalled Version\tRequired Version\nlinux-cloud-tools-4.4.0\t1074-aws_4.4.0-1074.84\t1092\nlinux-headers\t1027\t1047",
	"\n          %windir%\\System32\\win32k.sys Version is 10.0.17763.1\n        ",
	"Detected on port 443 over TCP.",
	"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Keep-Alive\r\n\r\nHTTP/1.1 200 OK\r\nServer: Apache/2.4.6 &quot;CentOS&quot;\r\n" +
		"Content-Type: text/html; charset=UTF-8\r\n\r\n<!DOCTYPE html>\n<html><head><title>Größe &gt; 3</title></head>\n<body onload=\"go('a&b')\">" +
		strings.Repeat("<div class=\"row\"><p>lorem ipsum dolor</p></div>\n", 30) + "</body></html>",
	"HKLM\\Software\\Microsoft\\Windows NT\\CurrentVersion\nCurrentVersion\t=\t&quot;6.3&quot;",
	"  /usr/bin/java -version:\n\topenjdk version \"1.8.0_292\"\n",
	"注: パッケージが古い\nバージョン 1.2.3",
	"if (a[b[0]]]]><![CDATA[>1) { /* the end of a CDATA section inside */ }",
	"CN=*.example.com\tserial &#x27;00&#x27;\tSHA1withRSA\n" + strings.Repeat("TLSv1.0\tAES128-SHA\tRSA\tSHA1\tAES(128)\tMEDIUM\n", 12),
	"ok",
	"<?xml version=\"1.0\"?><!-- not ours --><a><b>text</b></a>",
	"No vulnerable version of “Übercache” below 2.0 — found 1.9…",
	strings.Repeat("drwxr-xr-x 2 root root 4096 Jan  1 00:00 /opt/app/lib\n", 20),
}
