package knowledge

// The words of the knowledge base: HTML with its entities left in, accents, and
// characters that XML, HTML or spreadsheets take for their own.

var products = [...]struct{ title, product, vendor string }{
	{"Contoso Büro-Suite", "buero_suite", "contoso"}, {"OpenFoo", "openfoo", "openfoo"},
	{"Übercache <Enterprise>", "ubercache", "uber & söhne"}, {"Kernel of Penguin Linux", "penguin", "penguin"},
	{"東京 Web Server", "tokyo_web", "東京"}, {"Legacy FTP Daemon", "ftpd", "legacy"}, {"\"Quoted\" Java Runtime", "java", "quoted"},
	{"Fabrikam Directory Services", "directory", "fabrikam"}, {"R&D Toolkit", "toolkit", "r&d"}, {"Łódź Mail", "mail", "łódź"},
}

var flaws = [...]string{
	"Remote Code Execution Vulnerability", "Multiple Vulnerabilities", "Denial of Service (DoS) Vulnerability",
	"Information Disclosure", "Privilege Escalation Vulnerability", "End of Life Detected", "Weak Cipher Suites Supported",
	"Security Update Missing", "Buffer Overflow <10.2", "Authentication Bypass", "Detected", "Path Traversal \\..\\ Vulnerability",
}

var categories = [...]string{
	"Windows", "Local", "General remote services", "CGI", "Database", "Debian", "Information gathering", "Web server",
}

var diagnoses = [...]string{
	"The product has a flaw in how it parses &quot;length&quot; fields.<P>\nQID Detection Logic (Authenticated):<BR>\nThe check reads the version of the installed package.",
	"A remote host answers with a banner older than the oldest supported release.<P>\n\n<UL>\n<LI>1.0 &lt; x &lt; 2.4\n<LI>3.0</UL>",
	"Die Komponente prüft Eingaben nicht. Größe &gt; 64 KB führt zum Absturz.",
	"On the target:\n\tservice --version\nreports a release with published flaws &amp; known exploits.",
	"入力値が検証されません。<BR>QID Detection Logic: banner.",
}

var consequences = [...]string{
	"An attacker can run code with the rights of the service.<P>",
	"The host may stop answering; a &quot;restart&quot; is needed.",
	"Credentials may be read in transit.\nNote: <B>no</B> authentication is needed.",
}

var solutions = [...]string{
	"Upgrade to the latest release.<P>Patch:<BR>\nFollowing are links for downloading patches:\n<P> <A HREF=\"https://advisories.example.com/?a=1&b=2\" TARGET=\"_blank\">Advisory</A>",
	"Add to the configuration: <PRE>cipher = &quot;HIGH:!aNULL&quot;</PRE>",
	"Kein Patch verfügbar: Dienst abschalten oder Zugriff beschränken. ]]&gt;",
}

var threats = [...]Threat{
	{1, "Zero_Day"}, {2, "Exploit_Public"}, {3, "Active_Attacks"}, {4, "High_Lateral_Movement"}, {5, "Easy_Exploit"},
	{6, "High_Data_Loss"}, {7, "Denial_of_Service"}, {8, "No_Patch"}, {9, "Malware"}, {10, "Exploit_Kit"}, {14, "Ransomware"},
}

var authTypes = [...]string{"Windows", "Unix"}
