// Package qid says which vulnerabilities the simulated vendor knows of Web
// Application Scanning, by QID: its findings name them and its knowledge base
// describes them, so both go by these.
package qid

import "strconv"

// QIDs of web applications: WASFirst to WASFirst+WASCount-1.
const (
	WASFirst = 150_000
	WASCount = 700
)

// WAS chooses a QID of a web application by random bits.
func WAS(bits uint64) int { return WASFirst + int(bits%WASCount) }

// IsWAS tells whether a QID is a web application's.
func IsWAS(qid int) bool { return qid >= WASFirst && qid < WASFirst+WASCount }

// Title of a web application's QID, as findings carry it and as it stands in
// the knowledge base before any change of it.
func Title(qid int) string {
	n := qid - WASFirst
	title := titles[n%len(titles)]
	if round := n / len(titles); round > 0 {
		title += places[n%len(places)] + " (check " + strconv.Itoa(round) + ")"
	}
	return title
}

// The words are awkward on purpose: quotes, the end of a CDATA section, markup,
// accents, other scripts.
var titles = [...]string{
	"Reflected Cross-Site Scripting (XSS) Vulnerabilities", "SQL Injection", "Blind SQL Injection",
	"Cookie Does Not Contain The \"secure\" Attribute", "Missing header: X-Content-Type-Options", "Path-Based Vulnerability",
	"SSL Server Has SSLv3 Enabled", "Unencoded characters <script>alert(1)</script>", "Clickjacking - Framable Page",
	"Server-Side Request Forgery (SSRF)", "Open Redirect & Forward", "Directory Listing",
	"User's password isn't masked", "Broken Object Level Authorization", "XML External Entity (XXE), CDATA ]]> not escaped",
	"Information Disclosure: C:\\Windows\\win.ini", "Weak Cipher Suites", "Outdated jQuery < 3.5.0", "CORS Misconfiguration",
	"Session Fixation", "Insecure Deserialization", "Entity &amp; left in text", "Fehlende Größenbeschränkung", "ログ注入",
	"HTTP 4XX Error Code During Scanning", "Links Crawled", "External Links Discovered", "Credit Card Number Pattern",
}

var places = [...]string{"", " in Parameter", " in Header", " in Cookie", " in JSON Body", " in Path", " via 'Referer'"}
