package was

import "net/http"

// Versions of the portal's modules, and of its scanners. In names that are not
// XML names the vendor doubles underscores (recorded).
var (
	portalModules = [...][2]string{
		{"PortalApplication-VERSION", "3.21.0.0-7 OFFICIAL #902 (2026-02-10T08:00:00Z)"}, {"QWEB__VM-VERSION", "2.21.0"},
		{"WAS-VERSION", "1.9.0.0-4"}, {"FIM-VERSION", "3.9.0.0-2"}, {"PM-VERSION", "1.9.0.0-1"}, {"THREAT__PROTECT-VERSION", "1.9.0"},
		{"TAS-VERSION", "1.2.0.0-1"},
	}
	webModules = [...][2]string{{"WEB-VERSION", "10.38.2.0-1"}, {"SCANNER-VERSION", "14.2.10-1"}, {"VULNSIGS-VERSION", "2.6.901-2"}}
)

// portalVersion serves what modules the platform has. Whoever signs in may ask.
func portalVersion(x *exchange) {
	a := respond(x.Exchange, http.StatusOK, versionSchema, "SUCCESS")
	a.number("count", 1)
	a.begin("data", false, '[')
	for _, part := range []struct {
		name    string
		modules [][2]string
	}{{"Portal-Version", portalModules[:]}, {"QWeb-Version", webModules[:]}} {
		a.record(part.name)
		for _, module := range part.modules {
			a.word(module[0], module[1])
		}
		a.endRecord(part.name)
	}
	a.endOfData()
	a.end()
}
