package transform

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Names by which fields are recognised, as plainName writes them; the first
// that there is, is taken.
var (
	idNames       = []string{"id", "externalid", "assetid", "hostid", "applicationid", "appid", "uuid", "guid", "key", "identifier", "fqdn", "hostname", "dnsname", "host", "ip", "ipaddress", "url", "name"}
	assetNames    = []string{"assetid", "hostid", "applicationid", "appid", "webappid", "asset", "assetname", "fqdn", "hostname", "dnsname", "host", "application", "app", "ip", "ipaddress"}
	hostNames     = []string{"ip", "ipaddress", "ipv4", "fqdn", "dnsname", "dns", "hostname", "os", "operatingsystem"}
	severityNames = []string{"severity", "severitylevel", "risk", "risklevel", "priority"}
	targetNames   = []struct {
		to    string
		names []string
	}{
		{"asset.assetDetail.name", []string{"name", "displayname", "assetname", "applicationname", "appname", "hostname", "title"}},
		{"asset.assetDetail.applicationAssetClass.baseUrl", []string{"url", "baseurl", "uri", "link", "website"}},
		{"asset.assetDetail.hostAssetClass.ipAddress", []string{"ip", "ipaddress", "ipv4"}},
		{"asset.assetDetail.hostAssetClass.dnsName", []string{"fqdn", "dnsname", "dns", "hostname", "host"}},
		{"asset.assetDetail.hostAssetClass.operatingSystem", []string{"os", "operatingsystem"}},
		{"asset.assetDetail.sourceCreatedAt", []string{"created", "createdat", "createddate", "creationdate"}},
		{"asset.assetDetail.sourceUpdatedAt", []string{"updated", "updatedat", "updateddate", "modified", "modifiedat", "lastmodified"}},
		{"asset.assetDetail.lastScannedAt", []string{"lastscan", "lastscanned", "lastscannedat", "scannedat"}},
	}
	findingNames = []struct {
		to    string
		names []string
	}{
		{"findingGroup.findings[].externalFindingId", []string{"id", "findingid", "vulnerabilityid", "vulnid", "uniqueid", "uuid", "guid", "key"}},
		{"findingGroup.findings[].name", []string{"title", "name", "vulnerability", "issue", "summary"}},
		{"findingGroup.findings[].severity", severityNames},
		{"findingGroup.findings[].status", []string{"status", "state"}},
		{"findingGroup.findings[].qid", []string{"qid"}},
		{"findingGroup.findings[].firstFoundAt", []string{"firstfound", "firstfoundat", "firstseen", "firstdetected", "firstdetecteddate"}},
		{"findingGroup.findings[].lastFoundAt", []string{"lastfound", "lastfoundat", "lastseen", "lastdetected", "lastdetecteddate"}},
		{"findingGroup.findings[].lastTestedAt", []string{"lasttested", "lasttestedat", "lasttesteddate"}},
		{"findingGroup.findings[].timesFound", []string{"timesfound", "timesdetected"}},
	}
)

// maxProposed bounds the attributes of a proposed map, of which people delete
// what they do not want.
const maxProposed = 100

// proposal is a map in the making.
type proposal struct {
	survey *survey
	model  *Model
	target *Model
	m      *Map
	used   map[string]bool // source paths
	names  map[string]bool // targets
}

// propose makes a first map of a model, and says why its records are taken for
// what they are.
func (s *survey) propose(m, target *Model, shape Shape) (proposed *Map, because string, err error) {
	p := &proposal{survey: s, model: m, target: target, used: map[string]bool{}, names: map[string]bool{}, m: &Map{
		Name:        strings.ToLower(strings.ReplaceAll(m.Name, ".", "-")),
		Description: "Proposed by what the file had; to be looked through.",
		Source:      m.Name, Target: target.Name,
	}}
	top := p.scalars("")
	if shape.Class == "" {
		shape, because = p.shape(top)
	} else {
		because = "that is what they are said to be"
	}
	if p.m.AssetClass = shape.Class; shape.Findings {
		return p.m, because, p.ofFindings(top)
	}
	return p.m, because, p.ofAssets(top)
}

// shape finds out what a record is.
func (p *proposal) shape(top []*Field) (shape Shape, because string) {
	shape.Class, because = "application", "nothing tells of a host, such as an IP address"
	if sign := p.first(top, hostNames); sign != nil {
		shape.Class, because = "host", fmt.Sprintf("%s tells of a host", sign.Path)
	}
	asset, id, severity := p.first(top, assetNames), p.first(top, findingNames[0].names), p.first(top, severityNames)
	if shape.Findings = asset != nil && id != nil && severity != nil; shape.Findings {
		because += fmt.Sprintf(", and a record seems to be one finding: it has an id (%s), a severity (%s) and names its asset (%s)", id.Path, severity.Path, asset.Path)
	}
	return shape, because
}

// ofFindings makes the rows of records that are one finding each.
func (p *proposal) ofFindings(top []*Field) error {
	asset := p.first(top, assetNames)
	if asset == nil {
		return errors.New("the records have no field that could name the asset of a finding, such as host or ip")
	}
	if p.first(top, findingNames[0].names) == nil {
		return errors.New("the records have no field that could be the id of a finding")
	}
	p.model.Records = RecordsAreFindings
	p.row(asset, "asset.assetHeader.externalAssetId")
	p.findings(top)
	p.names["asset.assetDetail.name"] = true // its name is the finding's
	p.assets(top)
	p.attributes("", "findingGroup.findings[].attributes.")
	return nil
}

// ofAssets makes the rows of records that are one asset each.
func (p *proposal) ofAssets(top []*Field) error {
	id := p.id(top)
	if id == nil {
		return errors.New("the records have no field that could be the id of an asset")
	}
	p.row(id, "asset.assetHeader.externalAssetId")
	p.assets(top)
	p.list()
	p.attributes("", "asset.assetDetail.attributes.")
	return nil
}

// scalars returns the fields with single values in an object of the model, and
// in the objects in it.
func (p *proposal) scalars(prefix string) (fields []*Field) {
	for i := range p.model.Fields {
		f := &p.model.Fields[i]
		rest, ok := strings.CutPrefix(f.Path, prefix)
		if ok && f.Type != Object && f.Type != Array && !strings.Contains(rest, "[]") {
			fields = append(fields, f)
		}
	}
	return fields
}

// first returns the field of the first name that there is: by its whole path
// below the object, so that app.id is "appid".
func (p *proposal) first(fields []*Field, names []string) *Field {
	for _, name := range names {
		for _, f := range fields {
			path := f.Path
			if i := strings.LastIndex(path, "[]."); i >= 0 {
				path = path[i:]
			}
			if plainName(path) == name {
				return f
			}
		}
	}
	return nil
}

// id returns the field that looks most like an asset's id; one that is always
// there goes before others.
func (p *proposal) id(fields []*Field) *Field {
	f := p.first(slices.DeleteFunc(slices.Clone(fields), func(f *Field) bool { return !p.always(f) }), idNames)
	if f == nil {
		f = p.first(fields, idNames)
	}
	if f == nil {
		if i := slices.IndexFunc(fields, p.always); i >= 0 {
			f = fields[i]
		} else if len(fields) > 0 {
			f = fields[0]
		}
	}
	if f != nil && !isID(lastName(f)) {
		p.survey.notef("%s is taken for the id of an asset: it has to be another one for each", f.Path)
	}
	return f
}

// always says that every record has the field.
func (p *proposal) always(f *Field) bool { return p.survey.at(f.Path).seen == p.survey.records }

// row adds a row, unless its target is taken or cannot have the value.
func (p *proposal) row(f *Field, to string) bool {
	path, err := ParsePath(to)
	if err != nil || p.names[to] || len(p.m.Rows) == maxRows {
		return false
	}
	target := p.target.Field(path)
	if target == nil || target.Class != "" && target.Class != p.m.AssetClass {
		return false
	}
	r := Row{From: f.Path, To: to}
	switch {
	case target.Type == Any || target.Type == f.Type && len(target.Values) == 0:
	case target.Type == String && len(target.Values) == 0 && f.Type != Object && f.Type != Array:
		r.Convert = string(String)
	default:
		if r.Values = p.words(f, target); r.Values == nil {
			return false
		}
		f.Values = sortedKeys(r.Values)
		p.survey.notef("the table of %s has the values that the file has; one that it lacks will be rejected", f.Path)
	}
	p.m.Rows = append(p.m.Rows, r)
	p.names[to], p.used[f.Path] = true, true
	if s, ok := slots[to]; ok && s.isID() {
		f.Required = true
	}
	return true
}

// severityWords are the severities that words stand for.
var severityWords = map[string]string{
	"critical": "5", "urgent": "5", "high": "4", "serious": "4", "medium": "3", "moderate": "3",
	"low": "2", "minor": "2", "info": "1", "informational": "1", "information": "1", "minimal": "1", "none": "1",
}

// statusWords are the target's states that words stand for.
var statusWords = map[string]string{
	"new": "NEW", "active": "ACTIVE", "open": "ACTIVE", "reopened": "REOPENED", "re-opened": "REOPENED", "protected": "PROTECTED",
	"retest": "RETEST", "fixed": "FIXED", "closed": "FIXED", "resolved": "FIXED",
}

// words makes a table of the values that a field has, if all of them are known.
func (p *proposal) words(f *Field, target *Field) map[string]string {
	known := severityWords
	if target.Type == String {
		known = statusWords
	} else if target.Type != Severity {
		return nil
	}
	at := p.survey.at(f.Path)
	if f.Type != String || len(at.distinct) == 0 {
		return nil
	}
	table := map[string]string{}
	for value := range at.distinct {
		word, ok := known[strings.ToLower(value)]
		if !ok {
			return nil
		}
		if target.Type == String {
			word = string(quote(nil, word))
		}
		table[value] = word
	}
	return table
}

// at returns what was seen of a field of the model.
func (s *survey) at(path string) *sighting {
	at := s.root
	for name := range strings.SplitSeq(path, ".") {
		name, list := strings.CutSuffix(name, "[]")
		if at = at.children[name]; list {
			at = at.element
		}
	}
	return at
}

func (p *proposal) assets(fields []*Field) {
	for _, t := range targetNames {
		if f := p.first(fields, t.names); f != nil {
			p.row(f, t.to)
		}
	}
}

func (p *proposal) findings(fields []*Field) {
	for _, t := range findingNames {
		if f := p.first(fields, t.names); f != nil {
			p.row(f, t.to)
		}
	}
}

// list takes the first list of objects with ids for the findings.
func (p *proposal) list() {
	for i := range p.model.Fields {
		f := &p.model.Fields[i]
		if f.Type != Array || strings.Contains(f.Path, "[]") {
			continue
		}
		elements := p.scalars(f.Path + "[].")
		if p.first(elements, findingNames[0].names) == nil {
			continue
		}
		p.survey.notef("the elements of %s are taken for the findings", f.Path)
		p.used[f.Path] = true
		p.findings(elements)
		p.attributes(f.Path+"[].", "findingGroup.findings[].attributes.")
		return
	}
}

// attributes adds what is left of an object's fields.
func (p *proposal) attributes(prefix, to string) {
	for i := range p.model.Fields {
		f := &p.model.Fields[i]
		name, ok := strings.CutPrefix(f.Path, prefix)
		if !ok || strings.ContainsAny(name, ".[") || p.uses(f) {
			continue
		}
		if len(p.m.Rows) == maxProposed {
			p.survey.notef("%s and what follows is not in the map, which would be long", f.Path)
			return
		}
		p.row(f, to+name)
	}
}

// uses says that a row takes the field, or a part of it.
func (p *proposal) uses(f *Field) bool {
	for path := range p.used {
		if path == f.Path || strings.HasPrefix(path, f.Path+".") || strings.HasPrefix(path, f.Path+"[].") {
			return true
		}
	}
	return false
}

func lastName(f *Field) string {
	return f.Path[strings.LastIndexByte(f.Path, '.')+1:]
}
