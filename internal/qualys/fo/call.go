// Package fo reads lists of the FO API, as Qualys VM and the knowledge base
// deliver them: streamed XML, truncated by a warning that says where to go on,
// with errors in bodies that arrive under HTTP 200.
package fo

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/transport"
	"sluice/internal/xmlstream"
)

// A Call is a list that the FO API delivers.
type Call struct {
	Title string // in messages: "host list"
	// Path of the call, with %s where the version stands.
	Path     string
	Versions []string // newest first
	// Root, List and Record are the elements of its answers: a list of records
	// stands in Root/RESPONSE/List.
	Root, List, Record string
	// Show are parameters that add to what is shown of a record. One that a
	// version does not know is left out.
	Show url.Values
	// ID is the element of a record with its number, by which a list is ordered.
	ID string
	// Unordered says that the vendor does not promise ascending numbers.
	Unordered bool
	// Shapes say how the elements of a record become JSON.
	Shapes *xmlstream.Shapes
	// Split is the last element of a record where that holds very many of the
	// elements Part. Such a record is delivered as several, each with some of
	// them and with what stands in front of Split. Finish adds to a part, a JSON
	// object that begins at from in dst.
	Split, Part string
	Finish      func(dst []byte, from int) []byte
	// Advice says what to do when the account may not make this call.
	Advice string
}

// at is the call's path in a version.
func (c *Call) at(version string) string { return fmt.Sprintf(c.Path, version) }

// A Session makes calls for one connector, and remembers which versions of
// them the server has. It is safe for concurrent use.
type Session struct {
	client *qualys.Client
	limits Limits
	vain   qualys.Vain

	mu    sync.Mutex         // guards known
	known map[string]dialect // by Call.Path
}

// dialect is how a server takes a call.
type dialect struct {
	version int      // of Call.Versions
	unknown []string // of Call.Show
}

// NewSession prepares calls by a client. It makes none.
func NewSession(client *qualys.Client, limits Limits) *Session {
	return &Session{
		client: client, limits: limits.withDefaults(),
		known: map[string]dialect{},
	}
}

// open makes a call and returns its answer, read up to its root element. When
// the server does not know the call's version, the next older one is tried,
// and what succeeds is remembered.
func (s *Session) open(ctx context.Context, call *Call, form url.Values) (*answer, error) {
	s.mu.Lock()
	d := s.known[call.Path]
	s.mu.Unlock()
	for {
		a, err := s.try(ctx, call, d, form)
		if err == nil {
			s.mu.Lock()
			s.known[call.Path] = d
			s.mu.Unlock()
			return a, nil
		}
		f := fault.As(err)
		if f == nil {
			return nil, err
		}
		switch unknown := call.unknownIn(f, d); {
		case len(unknown) > 0:
			d.unknown = append(slices.Clone(d.unknown), unknown...)
		case !versionUnknown(f):
			call.explain(f)
			return nil, err
		case d.version+1 == len(call.Versions):
			s.mu.Lock()
			delete(s.known, call.Path) // it may be another server by now
			s.mu.Unlock()
			call.explain(f)
			return nil, err
		default:
			d.version++
		}
	}
}

func (s *Session) try(ctx context.Context, call *Call, d dialect, form url.Values) (*answer, error) {
	all := url.Values{"action": {"list"}}
	for name, values := range call.Show {
		if !slices.Contains(d.unknown, name) {
			all[name] = values
		}
	}
	for name, values := range form {
		all[name] = values
	}
	resp, err := s.client.FO(ctx, call.at(call.Versions[d.version]), all)
	if err != nil {
		return nil, err
	}
	a := newAnswer(call, resp, s.limits)
	if err := a.begin(); err != nil {
		a.close()
		s.client.RejectedFO(err)
		return nil, err
	}
	return a, nil
}

// hold takes the right to make a call again and again, one at a time; see
// governor.Governor.Hold.
func (s *Session) hold(ctx context.Context, call *Call) (held context.Context, release func(), err error) {
	return s.client.Hold(ctx, call.at(call.Versions[0]))
}

// unknownIn lists the parameters of Show that an error says are not known. What
// is included cannot be left out: it would be taken for gone. Of
// those that it does not take, as they are or together, one is enough to try
// again.
func (c *Call) unknownIn(f *fault.Error, d dialect) (names []string) {
	if f.Code != qualys.CodeUnknownParameter && f.Code != qualys.CodeBadParameter {
		return nil
	}
	words := strings.FieldsFunc(f.Message, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
	for _, name := range slices.Sorted(maps.Keys(c.Show)) {
		if slices.Contains(words, name) && !slices.Contains(d.unknown, name) && !strings.HasPrefix(name, "include_") {
			names = append(names, name)
		}
	}
	if f.Code == qualys.CodeBadParameter {
		names = names[:min(len(names), 1)]
	}
	return names
}

// aboutVersion is how an answer may say that it does not know a version
// (inferred: only that there are several is documented).
var aboutVersion = regexp.MustCompile(`(?i)\bAPI version\b|\bversion .*(not|un)\s?(supported|available|known|valid)`)

// versionUnknown says whether a call failed because the server does not have
// its version.
func versionUnknown(f *fault.Error) bool {
	return f.Code == transport.CodeNotFound || f.Class == fault.Refused && aboutVersion.MatchString(f.Message)
}

// explain adds to an error what is known about the call.
func (c *Call) explain(f *fault.Error) {
	switch f.Code {
	case transport.CodeForbidden, qualys.CodeNotLicensed:
		if c.Advice != "" {
			f.Advice = c.Advice
		}
	case transport.CodeNotFound:
		f.Message = fmt.Sprintf("the %s is not there in any version (%s): %s", c.Title, strings.Join(c.Versions, ", "), f.Message)
		f.Advice = "check the platform or " + qualys.FieldAPIServer + ": this server is not the API server of Qualys VM"
	}
}
