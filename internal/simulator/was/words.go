package was

// The words of the estate. They are chosen to be awkward: apostrophes, the end
// of a CDATA section, characters that XML, HTML or spreadsheets take for their
// own, other scripts.

var qualities = [...]string{
	"Customer", "Internal", "Zahlungs-Übersicht", "Públic", "東京", "Legacy", "Mobile", "Ñandú", "O'Neil & Sons",
	"Partner \"Gold\"", "C:\\inetpub\\wwwroot", "🚀 Fast", "Ελλάδα", "=SUM(A1:A9)", "Crème brûlée", "Заказы", "עברית",
	"<b>Beta</b>", "Array[0]]>", "&lt;kept&gt;", "Zoë's", "e\u0301toile", "हिन्दी", "R&D",
}

var things = [...]string{
	"Portal", "Checkout", "API", "Gateway", "Lager & Versand", "注文管理", "Billing", "Booking/Return", "👩‍💻 Console", "Suche",
	"Идентификация", "Self-Service", "Store; DROP TABLE", "Café", "報告書", "Back Office",
}

var hosts = [...]string{"shop", "portal", "m", "intranet", "xn--bcher-kva", "checkout", "legacy", "booking", "api-docs", "partner"}

var roots = [...]string{
	".example.com", ".example.com/", ".example.org/app", ".example.net:8443/login?next=%2Fhome&lang=de",
	".example.com/über/uns", ".example.org/#/", ".example.org/#/start?a='1'&b=2", ".example.com/a/b/c;v=1",
}

var paths = [...]string{
	"/login", "/search?q=%3Cscript%3E&page=1", "/api/v2/orders/{id}", "/#/account/profile", "/путь", "/it's/here", "/a]]>b",
	"/upload.php?x=1&amp;y=2", "/index.html", "/\u00fcber?größe=1",
}

var params = [...]string{"q", "user[name]", "it's", "a&b", "cdata]]>end", "größe", "名前", "<tag>", "id"}

var groups = [...]string{"XSS", "SQL", "INFO", "PATH", "CC", "SSN_US", "CUSTOM"}

var comments = [...]string{
	"Accepted until the migration is done, see O'Neil's mail.", "Kein Risiko: nur intern erreichbar & geschützt.",
	"Not ours ]]> the proxy's", "誤検知", "=HYPERLINK(\"x\")",
}

var responses = [...]string{
	"HTTP/1.1 200 OK\nServer: nginx\n\n<script>alert('x')</script>", "comment: <!-- not one --> & more",
	"<![CDATA[nested]]> section", "Größe überschritten", "{\"error\":\"it's \\\"broken\\\"\"}", "SQLSTATE[42000]]> near ''",
}

// person is a user of the vendor's portal who owns or edits things.
type person struct {
	id                int64
	name, first, last string
}

var people = [...]person{
	{4_000_101, "corp_anna", "Anna", "Ägidius"}, {4_000_102, "corp_jo", "Jo", "O'Neil"}, {4_000_103, "corp_günther", "Günther", "Lüße"},
	{4_000_104, "corp_lilei", "雷", "李"}, {4_000_105, "corp_svc-was", "Service", "<WAS>"},
}

var tags = [...]Tag{
	{7_000_011, "Production"}, {7_000_023, "PCI \"in scope\""}, {7_000_037, "Büro Köln"}, {7_000_042, "EMEA/DACH"},
	{7_000_058, "クラウド"}, {7_000_061, "Internet Facing & DMZ"}, {7_000_077, "Tier\\1"}, {7_000_086, "Owner's choice"},
}

type weakness struct {
	owasp, wasc Classification
	cwe         []int
}

var weaknesses = [...]weakness{
	{Classification{3, "Injection", "https://owasp.example.org/Top10/A03"}, Classification{8, "Cross-Site Scripting", "https://wasc.example.org/8"}, []int{79}},
	{Classification{3, "Injection", "https://owasp.example.org/Top10/A03"}, Classification{19, "SQL Injection", "https://wasc.example.org/19"}, []int{89, 564}},
	{Classification{5, "Security Misconfiguration", "https://owasp.example.org/Top10/A05"}, Classification{15, "Application Misconfiguration", "https://wasc.example.org/15"}, []int{16}},
	{Classification{1, "Broken Access Control", "https://owasp.example.org/Top10/A01"}, Classification{2, "Insufficient Authorization", "https://wasc.example.org/2"}, []int{284, 285, 639}},
	{Classification{2, "Cryptographic Failures", "https://owasp.example.org/Top10/A02"}, Classification{4, "Insufficient Transport Layer Protection", "https://wasc.example.org/4"}, []int{200, 319}},
	{},
}
