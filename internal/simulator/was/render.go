package was

import (
	"strconv"
	"strings"

	"sluice/internal/simulator/qid"
	"sluice/internal/simulator/random"
)

// Records are written in the vendor's order of elements (recorded for brief
// records). Shapes of lists within verbose records that nobody has published are
// inferred from the others.

func (w *writer) tags(tags []Tag) {
	w.list("tags", len(tags), func(i int) {
		w.record("Tag")
		w.number("id", tags[i].ID)
		w.text("name", tags[i].Name)
		w.endRecord("Tag")
	})
}

func (w *writer) person(name string, p *person) {
	w.open(name)
	w.number("id", p.id)
	w.word("username", p.name)
	w.text("firstName", p.first)
	w.text("lastName", p.last)
	w.close(name)
}

// named writes an object of an id and a name.
func (w *writer) named(name string, id int64, text string) {
	w.open(name)
	w.number("id", id)
	w.text("name", text)
	w.close(name)
}

// webApp writes a record of a search or, verbose, of a get.
func (w *writer) webApp(a *webApp, verbose bool) {
	w.record("WebApp")
	w.number("id", a.id)
	w.text("name", a.name())
	w.text("url", a.url())
	if !verbose {
		w.open("owner")
		w.number("id", a.owner().id)
		w.close("owner")
		w.tags(a.tags())
		w.date("createdDate", a.created)
		w.date("updatedDate", a.updated)
		w.endRecord("WebApp")
		return
	}
	w.number("riskScore", int64(a.riskScore()))
	if a.scanned() {
		w.text("os", "Linux 5.x & newer")
	}
	w.person("owner", a.owner())
	w.webAppTarget(a)
	w.webAppScanning(a)
	w.tags(a.tags())
	w.list("comments", int(a.hash>>26&1), func(int) {
		w.record("Comment")
		w.text("contents", comments[a.hash>>27%uint64(len(comments))])
		w.person("author", a.owner())
		w.date("createdDate", a.created)
		w.endRecord("Comment")
	})
	w.boolean("isScheduled", a.scheduled())
	if a.scanned() {
		w.open("lastScan")
		w.number("id", 9_000_000+int64(a.hash>>34%1_000_000))
		w.text("name", "Scan of "+a.name())
		w.date("date", a.scanDate())
		w.word("status", a.scanStatus())
		w.open("summary")
		w.word("resultsStatus", "SUCCESSFUL")
		w.word("authStatus", "NONE")
		w.close("summary")
		w.close("lastScan")
	}
	w.person("createdBy", a.owner())
	w.date("createdDate", a.created)
	w.person("updatedBy", &people[(a.hash>>36+uint64(a.revision))%uint64(len(people))])
	w.date("updatedDate", a.updated)
	if a.hash>>29&3 == 0 {
		w.text("screenshot", "iVBORw0KGgo=")
	}
	w.webAppFiles(a)
	w.endRecord("WebApp")
}

// webAppTarget writes what is scanned.
func (w *writer) webAppTarget(a *webApp) {
	scopes := [...]string{"ALL", "LIMITED", "SUBDOMAIN", "DOMAINS"}
	scope := scopes[a.hash>>16&3]
	w.word("scope", scope)
	if scope == "SUBDOMAIN" {
		w.text("subDomain", "sub.example.com")
	}
	if scope == "DOMAINS" {
		w.texts("domains", "Domain", "example.com", "example.org")
	}
	if a.hash>>18&1 == 0 {
		w.texts("uris", "Url", a.url()+"#'extra'")
	}
	attributes := a.attributes()
	w.list("attributes", len(attributes), func(i int) {
		w.record("Attribute")
		w.text("name", attributes[i].name)
		w.text("value", attributes[i].value)
		w.endRecord("Attribute")
	})
}

// webAppScanning writes how it is scanned.
func (w *writer) webAppScanning(a *webApp) {
	w.named("defaultProfile", 600_100+int64(a.hash>>17&3), "Initial WAS Options")
	w.open("defaultScanner")
	w.number("id", 700_200)
	w.text("name", "External & shared")
	w.word("type", "EXTERNAL")
	w.close("defaultScanner")
	w.boolean("scannerLocked", a.hash>>19&1 == 0)
	w.word("progressiveScanning", "DISABLED")
	w.texts("urlExcludelist", "UrlEntry", "https://example.com/logout?a=1&b='2'")
	w.list("urlAllowlist", 0, nil)
	w.list("postDataExcludelist", 0, nil)
	w.texts("logoutRegexList", "UrlEntry", "(?i)log-?out|<exit>")
	w.list("authRecords", int(a.hash>>20&1), func(int) {
		w.record("WebAppAuthRecord")
		w.number("id", 550_300)
		w.text("name", "Form login")
		w.endRecord("WebAppAuthRecord")
	})
	w.list("dnsOverrides", 0, nil)
	w.word("useRobots", "IGNORE")
	w.boolean("useSitemap", a.hash>>21&1 == 0)
	w.texts("headers", "WebAppHeader", "X-Scanner: \"yes\"")
	w.boolean("malwareMonitoring", a.hash>>22&1 == 0)
	w.boolean("malwareNotification", a.hash>>23&1 == 0)
	w.boolean("malwareScheduling", false)
}

// webAppFiles writes what was uploaded for it.
func (w *writer) webAppFiles(a *webApp) {
	w.open("config")
	w.boolean("cancelScansAfterNHours", false)
	w.close("config")
	w.list("crawlingScripts", 0, nil)
	if name := a.swaggerFile(); name != "" {
		w.named("swaggerFile", 880_000+int64(a.index), name)
	} else if a.hash>>48&7 == 1 {
		w.named("postmanCollection", 890_000+int64(a.index), "collection-"+strconv.Itoa(a.index)+".json")
	}
	w.list("redundancyLinks", 0, nil)
	w.number("maxRedundancyLinks", 0)
}

// texts writes a list of objects that are a text each.
func (w *writer) texts(name, element string, texts ...string) {
	w.list(name, len(texts), func(i int) {
		w.record(element)
		w.text("value", texts[i])
		w.endRecord(element)
	})
}

// finding writes a record of a search or, verbose, of a get. Members in brackets
// of the vendor's list are absent where there is nothing to say, as all of url,
// status, timesDetected and isIgnored are for INFORMATION_GATHERED (recorded).
func (w *writer) finding(world *World, f *finding, verbose bool) {
	app := world.webApp(f.owner)
	information := f.kind == InformationGathered
	w.record("Finding")
	if f.defect != IDMissing {
		w.number("id", f.id)
	}
	w.word("uniqueId", random.UUID(f.hash))
	w.number("qid", int64(f.qid))
	if verbose {
		w.number("detectionScore", int64(f.detectionScore()))
	}
	w.text("name", qid.Title(f.qid))
	w.word("type", f.kind)
	w.boolean("potential", f.potential())
	w.word("findingType", f.findingType())
	if !information {
		w.word("group", f.group())
	}
	if param := f.param(); param != "" {
		w.text("param", param)
	}
	if verbose {
		w.classification(f)
	}
	if f.defect == SeverityWord {
		w.word("severity", "blocker")
	} else {
		w.word("severity", strconv.Itoa(f.severity))
	}
	if !information {
		w.text("url", f.url(&app))
		w.word("status", f.status)
	}
	w.date("firstDetectedDate", f.first)
	w.date("lastDetectedDate", f.last)
	w.date("lastTestedDate", f.tested)
	if verbose {
		w.date("fixedDate", f.fixed)
	}
	if !information {
		w.number("timesDetected", int64(f.times))
	}
	w.open("webApp")
	w.number("id", app.id)
	w.text("name", app.name())
	w.text("url", app.url())
	if tags := app.tags(); len(tags) > 0 {
		w.tags(tags)
	}
	w.close("webApp")
	if !information {
		w.boolean("isIgnored", f.ignored)
	}
	if verbose {
		w.findingDetails(f)
	}
	w.endRecord("Finding")
}

func (w *writer) classification(f *finding) {
	if base, temporal := f.cvss(); base > 0 {
		w.open("cvssV3")
		w.tenths("base", base)
		w.tenths("temporal", temporal)
		w.word("attackVector", "Network")
		w.close("cvssV3")
	}
	c := f.weakness()
	if c.cwe == nil {
		return
	}
	for _, entry := range []struct {
		list, record string
		Classification
	}{{"owasp", "OWASP", c.owasp}, {"wasc", "WASC", c.wasc}} {
		w.list(entry.list, 1, func(int) {
			w.record(entry.record)
			w.text("name", entry.Name)
			w.text("url", entry.URL)
			w.number("code", int64(entry.Code))
			w.endRecord(entry.record)
		})
	}
	w.list("cwe", len(c.cwe), func(i int) { w.element("long", int64(c.cwe[i])) })
}

func (w *writer) findingDetails(f *finding) {
	if f.ignored {
		w.word("ignoredReason", f.ignoredReason())
		w.person("ignoredBy", &people[f.hash>>36%uint64(len(people))])
		w.date("ignoredDate", f.ignoredDate)
		w.text("ignoredComment", f.ignoredComment())
		w.date("reactivateDate", f.ignoredDate+90*24*3600)
		w.number("reactivateIn", 90)
	}
	if patch := f.patch(); patch != 0 {
		w.number("patch", patch)
	}
	if ref := f.externalRef(); ref != "" {
		w.text("externalRef", ref)
	}
	if f.edited {
		w.text("severityComment", comments[f.hash>>38%uint64(len(comments))])
		w.person("editedSeverityUser", &people[f.hash>>39%uint64(len(people))])
	}
	w.results(f)
	w.list("history", min(f.times, 2), func(n int) {
		w.record("WebAppFindingHistory")
		w.open("scanData")
		w.number("id", f.id*10+int64(n))
		w.word("reference", "was/"+strconv.FormatInt(f.id*10+int64(n), 10))
		w.date("launchedDate", f.last-int64(n)*7*24*3600)
		w.text("name", "Weekly & quarterly")
		w.close("scanData")
		w.endRecord("WebAppFindingHistory")
	})
	if f.hash>>60&7 == 5 {
		w.open("sslData")
		w.word("protocol", "tcp")
		w.text("virtualhost", "shop.example.com")
		w.word("ip", "192.0.2.17")
		w.number("port", 443)
		w.text("result", "TLSv1.0 & weaker")
		w.word("certificateFingerprint", strings.ToUpper(strings.ReplaceAll(random.UUID(f.hash^1), "-", "")))
		w.close("sslData")
	}
	if status := f.retestStatus(); status != "" {
		w.open("retest")
		w.word("retestStatus", status)
		w.date("retestedDate", f.tested)
		w.person("retestedUser", &people[0])
		w.word("findingStatus", f.status)
		w.text("reason", "Asked for by O'Neil")
		w.close("retest")
	}
	w.date("updatedDate", f.update)
}

// results writes what the scanner sent and got. Most findings have one payload,
// some several.
func (w *writer) results(f *finding) {
	bits := random.Mix(f.hash + 9)
	w.list("resultList", 1, func(int) {
		w.record("Result")
		w.boolean("authentication", bits&7 == 0)
		if f.kind != InformationGathered {
			ajax := bits>>3&7 == 0
			w.boolean("ajax", ajax)
			if ajax {
				w.number("ajaxRequestId", int64(bits>>40&0xff))
				w.text("formLocation", "https://example.com/form's")
			}
			w.texts("accessPath", "Url", "https://example.com/start", "https://example.com/#/it's")
		}
		w.list("payloads", 1+int(bits>>6&15)/13, func(n int) {
			w.record("PayloadInstance")
			if f.kind != InformationGathered {
				w.text("payload", params[(bits>>10+uint64(n))%uint64(len(params))]+"=%27%22%3E%3Cqss%20a%3D']]>")
				w.open("request")
				w.word("method", "GET")
				w.text("link", "https://example.com/?a=1&b='2'")
				w.text("headers", "UmVmZXJlcjogaHR0cHM6Ly9leGFtcGxlLmNvbS8K")
				w.close("request")
			}
			w.text("response", responses[(bits>>16+uint64(n))%uint64(len(responses))])
			if f.kind == Vulnerability {
				w.open("payloadResponce") // the vendor's spelling
				w.number("offset", int64(bits>>20%400))
				w.number("length", int64(bits>>30%90))
				w.close("payloadResponce")
			}
			w.endRecord("PayloadInstance")
		})
		w.endRecord("Result")
	})
}
