// Package fo reads lists of the FO API, as Qualys VM and the knowledge base
// deliver them: streamed XML, truncated by a warning that says where to go on,
// with errors in bodies that arrive under HTTP 200.
package fo

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

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

	mu      sync.Mutex // guards the maps, which are by Call.Path
	known   map[string]dialect
	waits   map[string]wait
	allowed map[string]int // calls at the same time, where the vendor has said
}

// wait is until when the vendor asks not to make a call, and how it said so.
type wait struct {
	until time.Time
	why   fault.Error
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
		known: map[string]dialect{}, waits: map[string]wait{}, allowed: map[string]int{},
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
		if err := s.mayCall(call); err != nil {
			return nil, err
		}
		a, err := s.try(ctx, call, d, form)
		if err == nil {
			s.learn(call, d, a.resp.Header)
			return a, nil
		}
		f := fault.As(err)
		if f == nil {
			return nil, err
		}
		s.told(call, f)
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
		s.client.Rejected(err)
		return nil, err
	}
	return a, nil
}

// headerConcurrent has how many calls the subscription may make at the same
// time (Qualys documentation: API limits).
const headerConcurrent = "X-Concurrency-Limit-Limit"

// learn remembers how a call succeeded.
func (s *Session) learn(call *Call, d dialect, header http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[call.Path] = d
	if n, err := strconv.Atoi(header.Get(headerConcurrent)); err == nil && n > 0 {
		s.allowed[call.Path] = n
	}
}

// atOnce is how many of wanted calls may be made at the same time.
func (s *Session) atOnce(call *Call, wanted int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.allowed[call.Path]; n > 0 {
		return min(n, wanted)
	}
	return wanted
}

// mayCall returns the vendor's wish not to be called yet, as an error.
func (s *Session) mayCall(call *Call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.waits[call.Path]
	left := time.Until(w.until)
	if left <= 0 {
		return nil
	}
	w.why.Wait = left
	return &w.why
}

// shortWait is what the vendor asks for when there are too many calls at the
// same time: ours may end before, so that it is not remembered.
const shortWait = 30 * time.Second

// told takes note of how long the vendor asks to wait. That concerns all who
// make the call: each refused one makes it longer.
func (s *Session) told(call *Call, f *fault.Error) {
	if f.Class != fault.Throttled || f.Wait < shortWait {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits[call.Path] = wait{until: time.Now().Add(f.Wait), why: *f}
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
