package estate

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/internal/simulator/azure/spec"
	"sluice/internal/simulator/random"
)

// builder makes the APIs of one service.
type builder struct {
	world   *World
	service *Service
	number  int   // of the next API; never used twice in a service
	epoch   int64 // latest date of the first generation, Unix seconds
	created int64 // when all are made, Unix seconds; 0: some time before the epoch

	previous *API // for twins
}

// add makes n further APIs. Some are versions of one: they have a version set,
// a display name and a path in common.
func (b *builder) add(n int) []*API {
	var out []*API
	for len(out) < n {
		hash := random.Mix(b.service.hash + uint64(b.number)*0xd1342543de82ef95)
		versions := 1
		if n-len(out) >= 3 && hash%8 == 0 {
			versions = 2 + int(hash>>8%2)
		}
		first := b.newAPI(hash)
		if versions > 1 {
			first.Set, first.Version = newVersionSet(first, hash), "v1"
			first.Type = HTTP
			b.specify(first)
		}
		out = append(out, first)
		b.previous = first
		for v := 2; v <= versions; v++ {
			next := b.newAPI(random.Mix(hash + uint64(v)))
			next.Workspace, next.Set, next.Version = first.Workspace, first.Set, "v"+strconv.Itoa(v)
			next.DisplayName, next.Gateway, next.Type = first.DisplayName, first.Gateway, HTTP
			b.specify(next)
			out = append(out, next)
		}
	}
	return out
}

func newVersionSet(first *API, hash uint64) *VersionSet {
	set := &VersionSet{Name: fmt.Sprintf("%08x%016x", uint32(hash), first.hash), DisplayName: first.DisplayName, Scheme: "Segment"}
	switch hash >> 12 % 3 {
	case 1:
		set.Scheme, set.Parameter = "Query", "api-version"
	case 2:
		set.Scheme, set.Parameter = "Header", "Api-Version"
	}
	return set
}

func (b *builder) newAPI(hash uint64) *API {
	b.number++
	draw := func(what uint64) uint64 { return random.Mix(hash + what<<48) }
	word := pick(words, draw(1))
	a := &API{
		Service: b.service, hash: hash, Current: 1,
		Gateway:     fmt.Sprintf("%s-%d", word, b.number),
		DisplayName: fmt.Sprintf("%s API %d", strings.ToUpper(word[:1])+word[1:], b.number),
		Backend:     fmt.Sprintf("https://backend-%d.example.invalid/%s", b.number, word),
		KeyRequired: draw(2)%5 != 0,
		Type:        newType(draw(3)),
	}
	if draw(4)%6 == 0 {
		a.DisplayName = fmt.Sprintf(pick(awkwardNames, draw(5)), word, b.number)
	}
	if b.previous != nil && b.previous.Set == nil && random.Below(draw(6), b.world.config.Twins) {
		a.DisplayName = b.previous.DisplayName
	}
	switch draw(7) % 8 {
	case 0:
		a.Name = fmt.Sprintf(pick(awkwardIDs, draw(8)), word, b.number)
	case 1, 2, 3:
		a.Name = fmt.Sprintf("%08x%016x", b.number, hash)
	default:
		a.Name = fmt.Sprintf("%s-api-%d", word, b.number)
	}
	if spaces := b.service.Workspaces; len(spaces) > 0 && draw(9)%5 == 0 {
		a.Workspace = pick(spaces, draw(10))
	}
	switch a.Type {
	case WebSocket:
		a.Protocols = []string{"wss"}
		a.Backend = strings.Replace(a.Backend, "https", "wss", 1)
	default:
		a.Protocols = [][]string{{"https"}, {"https"}, {"http", "https"}, {"http"}}[draw(11)%4]
	}
	if draw(12)%9 == 0 {
		a.Backend = ""
	}
	for i, name := range tagNames {
		if draw(13+uint64(i))%4 == 0 {
			a.Tags = append(a.Tags, name)
		}
	}
	if draw(20)%7 == 0 {
		a.Current = 2 + int(draw(21)%2)
	}
	for n := range a.Current {
		r := revision{created: b.created, updated: b.created}
		if b.created == 0 {
			r.created, r.updated = random.Dates(draw(22+uint64(n)), b.epoch)
		}
		a.revisions = append(a.revisions, r)
	}
	b.specify(a)
	return a
}

// newType draws a type: most are over HTTP.
func newType(bits uint64) Type {
	switch n := bits % 100; {
	case n < 6:
		return SOAP
	case n < 12:
		return GraphQL
	case n < 16:
		return WebSocket
	case n < 18:
		return OData
	case n < 20:
		return GRPC
	case n < 23:
		return MCP
	}
	return HTTP
}

// specify draws what is wrong with the API's specification and its export, by
// its type.
func (b *builder) specify(a *API) {
	a.Odd, a.Defect = "", ""
	bits := random.Mix(a.hash + 0x5bec)
	broken := random.Below(random.Mix(bits+1), b.world.config.Broken)
	odd := random.Below(random.Mix(bits+2), b.world.config.Odd)
	switch a.Type {
	case HTTP:
		if broken {
			a.Defect = pick(spec.Defects(), bits)
		} else if odd {
			a.Odd = pick([]Oddity{LinksFail, OpenAPIFails, EverythingFails}, bits)
		}
	case SOAP:
		if broken {
			a.Defect = pick([]spec.Defect{spec.Truncated, spec.NotADocument, spec.Empty}, bits)
		} else if odd || b.world.config.Odd > 0 && bits%3 == 0 {
			a.Odd = LinksFail
		}
	case GraphQL:
		if broken {
			a.Defect = spec.Truncated
		} else if b.world.config.Odd > 0 && bits%2 == 0 {
			a.Odd = NotDownloadable
		}
	}
}
