package estate

// The words of the estate. They are chosen to be awkward: accents, scripts
// written right to left, characters outside the basic plane, combining marks,
// quotes, backslashes and characters that HTML or spreadsheets take for their own.

var nameQualities = phrases(
	"Customer", "Internal", "Zahlungs-Übersicht", "Públic", "東京", "Legacy", "Mobile", "Ñandú",
	"Łódź", "عربي", "Partner \"Gold\"", "C:\\inetpub\\wwwroot", "🚀 Fast", "Ελλάδα", "=SUM(A1:A9)",
	"Crème brûlée", "Заказы", "עברית", "한국어", "<b>Beta</b>", "Tab\tbed", "Zoë's", "e\u0301toile", "हिन्दी",
)

var nameThings = phrases(
	"Portal", "Checkout", "API", "Gateway", "Lager & Versand", "注文管理", "Billing", "Booking/Return",
	"👩‍💻 Console", "Suche", "Идентификация", "Self-Service", "Store; DROP TABLE", "Café", "報告書", "Back Office",
)

var hosts = phrases(
	"shop", "portal", "m", "intranet", "xn--bcher-kva", "checkout", "legacy", "booking", "api-docs", "partner",
)

var paths = phrases(
	".example.com", ".example.com/", ".example.org/app", ".example.net:8443/login?next=%2Fhome&lang=de",
	".example.com/über/uns", ".example.org/#/start", ".example.com/a/b/c;v=1",
)

var specFiles = phrases("/openapi.json", "/openapi.yaml?version=3&raw=1", "/spezifikation-ä.json", "/swagger.json")

var titles = phrases(
	"Reflected Cross-Site Scripting (XSS) Vulnerabilities", "SQL Injection", "Blind SQL Injection",
	"Cookie Does Not Contain The \"secure\" Attribute", "Missing header: X-Content-Type-Options",
	"Path-Based Vulnerability", "SSL Server Has SSLv3 Enabled", "Unencoded characters <script>alert(1)</script>",
	"Clickjacking - Framable Page", "Server-Side Request Forgery (SSRF)", "Open Redirect", "Directory Listing",
	"Sensitive form field has not disabled autocomplete", "Broken Object Level Authorization", "XML External Entity (XXE)",
	"Information Disclosure: C:\\Windows\\win.ini", "Weak Cipher Suites", "Outdated jQuery < 3.5.0", "CORS Misconfiguration",
	"Session Fixation", "Insecure Deserialization", "Mass Assignment", "Fehlende Größenbeschränkung", "ログ注入",
)

var places = phrases(
	"", " in parameter \"q\"", " in parameter 'user[name]'", " at /login", " at /api/v2/orders/{id}", " in cookie JSESSIONID",
	" via header", " - naïve filter", " at /путь", " at /search?q=%3Cscript%3E", " in form \\ upload", " 🔥",
)

var descriptions = phrases(
	"The web application reflects input without encoding it. An attacker may run script in another user's browser.",
	"The parameter reaches a database query without being bound. Data may be read or changed.",
	"A response header that limits what browsers do with the content is missing on this page and on others.",
	"The component in use is older than the oldest supported release and has published vulnerabilities.",
	"Die Eingabe wird ungeprüft übernommen; Größe und Typ sind nicht beschränkt. Siehe „OWASP Top 10“.",
	"The cookie is sent over unencrypted connections as well. Set the \"Secure\" and \"HttpOnly\" attributes.",
	"Requests for objects of other users are answered. Check ownership on the server, for every call.",
	"入力値がエスケープされずに出力されます。テンプレートの自動エスケープを有効にしてください。",
	"The server follows addresses given by the client.\nIt can be used to reach internal services, e.g. http://169.254.169.254/.",
	"Credentials are accepted by GET; they appear in logs, in the history of browsers and in the Referer header.",
)

var owners = phrases("corp_anna", "corp_j.o'neil", "corp_günther", "corp_李雷", "corp_svc-was")

var tags = phrases("Production", "PCI \"in scope\"", "Büro Köln", "EMEA/DACH", "クラウド", "Internet Facing", "Tier\\1", "🔒 Restricted")
