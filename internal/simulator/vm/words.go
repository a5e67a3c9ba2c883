package vm

// The words of the estate: accents, other scripts, and characters that XML,
// HTML or spreadsheets take for their own.

// Tags are all tags that hosts can have.
func Tags() []Tag { return tags }

var tags = []Tag{
	{7_000_001, "Production"}, {7_000_014, "PCI \"in scope\""}, {7_000_027, "Büro Köln & Bonn"}, {7_000_041, "EMEA/DACH"},
	{7_000_055, "クラウド"}, {7_000_068, "Internet Facing <DMZ>"}, {7_000_082, "Tier\\1"}, {7_000_095, "Cloud Agent"},
}

var trackingMethods = [...]string{"IP", "IP", "IP", "DNS", "NETBIOS", "AGENT", "AGENT", "EC2"}

var owners = [...]string{"anna", "jo2", "svc"}

var hostnames = [...]string{"srv", "db", "mail", "web", "xn--bro-hoa", "print", "dc"}

var domains = [...]string{".corp.example.com", ".example.org", ".intern.example.net", ".local"}

var systems = [...]string{
	"Windows Server 2019 Standard 64 bit Edition", "Red Hat Enterprise Linux 9.3", "Ubuntu Linux 22.04.4", "Debian Linux 12.5",
	"Cisco IOS XE <16.9> & later", "Windows 2016/2019/10", "macOS 14.4 \"Sonoma\"", "Linux 2.4-2.6 / Embedded Device / F5 Networks Big-IP",
	"Système d'exploitation inconnu", "AIX 7.2\tTL5",
}

var comments = [...]string{
	"Rack 4, Büro <links>", "owner: R&D", "=HYPERLINK(\"x\")", "廃止予定", "ends with ]]> on purpose", "plain",
}

var regions = [...]string{"eu-central-1", "us-east-1", "ap-southeast-2"}

var cloudTags = [...]string{"Name", "cost:center & team", "環境"}
