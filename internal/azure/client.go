package azure

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// The versions of the APIs, all in one place.
const (
	// VersionSubscriptions lists subscriptions; the last published one.
	VersionSubscriptions = "2022-12-01"
	// VersionResources lists resource groups and resources of any type.
	VersionResources = "2021-04-01"
	// VersionAPIManagement is the last stable one of API Management.
	VersionAPIManagement = "2024-05-01"
	// VersionAPIManagementPreview lists APIs of types that the stable one
	// leaves out without a word, such as mcp.
	VersionAPIManagementPreview = "2025-09-01-preview"
)

// Limits bound what a client does. Zero values take the defaults.
type Limits struct {
	Transport transport.Options // timeouts; address, vendor and bounds of bodies are filled in
	Tries     int               // of a call that fails for a moment; default 4
	Backoff   time.Duration     // before the second try, then doubled; default 500 ms
	// Patience is how long a wait that ARM asks for is slept through; longer
	// ones are errors of class Throttled. Default 20 s.
	Patience     time.Duration
	MaxAnswer    int64 // bytes of an answer of ARM; default 64 MiB
	MaxDocument  int64 // bytes of a downloaded document; default 32 MiB
	MaxPages     int   // of a list; default 10,000
	MaxList      int64 // bytes of all pages of a list; default 256 MiB
	maxBlobHosts int
}

func (l Limits) withDefaults() Limits {
	l.Tries = cmp.Or(l.Tries, 4)
	l.Backoff = cmp.Or(l.Backoff, 500*time.Millisecond)
	l.Patience = cmp.Or(l.Patience, 20*time.Second)
	l.MaxAnswer = cmp.Or(l.MaxAnswer, 64<<20)
	l.MaxDocument = cmp.Or(l.MaxDocument, 32<<20)
	l.MaxPages = cmp.Or(l.MaxPages, 10_000)
	l.MaxList = cmp.Or(l.MaxList, 256<<20)
	l.maxBlobHosts = 256
	return l
}

// Client calls ARM for one connector. It is safe for concurrent use; all who
// share it share its token and its pace.
type Client struct {
	Settings Settings

	limits Limits
	bearer *transport.Bearer
	arm    *transport.Client
	pace   *pace

	mu    sync.Mutex
	blobs map[string]*transport.Client // by base URL
}

// NewClient prepares a client for a connector; it makes no call.
func NewClient(c source.Connection, limits Limits) (*Client, error) {
	settings, err := ReadSettings(c)
	if err != nil {
		return nil, err
	}
	limits = limits.withDefaults()
	tokens, err := newTokenSource(settings, limits.Transport)
	if err != nil {
		return nil, err
	}
	options := limits.Transport
	options.BaseURL, options.Vendor, options.MaxBody = settings.Cloud.ARM, "Azure", limits.MaxAnswer
	options.Endpoint = FieldCloud + ", or " + FieldARMURL + " of a private cloud"
	options.Message, options.Refine = armMessage, refineARM
	arm, err := transport.New(options)
	if err != nil {
		return nil, err
	}
	return &Client{
		Settings: settings, limits: limits, bearer: transport.NewBearer(tokens), arm: arm,
		pace: newPace(limits.Patience), blobs: map[string]*transport.Client{},
	}, nil
}

// An Answer is what ARM answered to a GET: JSON in valid UTF-8.
type Answer struct {
	Body  []byte
	ETag  string // as in the header, with its quotes; empty when there is none
	Clock time.Time
}

// Get reads a resource. path begins with a slash and is escaped; query may be
// nil. Failures of a moment are tried again; every error is a *fault.Error
// unless the context ended.
func (c *Client) Get(ctx context.Context, path, version string, query url.Values) (Answer, error) {
	parameters := url.Values{"api-version": {version}}
	for name, values := range query {
		parameters[name] = values
	}
	return c.get(ctx, path+"?"+parameters.Encode(), true)
}

// Export is as Get, for an answer that may be a document of any sort.
func (c *Client) Export(ctx context.Context, path, version, format string) (Answer, error) {
	parameters := url.Values{"api-version": {version}, "export": {"true"}, "format": {format}}
	return c.get(ctx, path+"?"+parameters.Encode(), false)
}

// get reads a path with its query.
func (c *Client) get(ctx context.Context, target string, isJSON bool) (Answer, error) {
	in := bucket(target)
	for try := 1; ; {
		if err := c.pace.wait(ctx, in); err != nil {
			return Answer{}, err
		}
		answer, err := c.once(ctx, target, isJSON)
		switch {
		case err == nil:
			return answer, nil
		case c.pace.failed(in, err):
			if try++; try > c.limits.Tries+2 { // after each of which it was waited as asked
				return Answer{}, err
			}
		case worthAnotherTry(err) && try < c.limits.Tries:
			if err := sleep(ctx, c.limits.Backoff<<(try-1)); err != nil {
				return Answer{}, err
			}
			try++
		default:
			return Answer{}, err
		}
	}
}

func (c *Client) once(ctx context.Context, target string, isJSON bool) (Answer, error) {
	resp, err := c.bearer.Do(ctx, c.arm, transport.Request{
		Method: http.MethodGet, Path: target, JSON: isJSON,
		// What it accepts decides on the shape of some answers.
		Header: http.Header{"Accept": {"application/json"}},
	})
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	c.pace.answered(bucket(target), resp.Header)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, err
	}
	body = bytes.ToValidUTF8(bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF")), []byte("\uFFFD"))
	return Answer{Body: body, ETag: resp.Header.Get("ETag"), Clock: resp.Clock}, nil
}

// Decode reads an answer into v; an answer that is something else is an error
// of class Contract.
func (a Answer) Decode(what string, v any) error {
	if err := json.Unmarshal(a.Body, v); err != nil {
		return &fault.Error{
			Class: fault.Contract, Code: "unreadable-answer",
			Message: "the answer of Azure with " + what + " is not as documented", Err: err,
		}
	}
	return nil
}

// RenewToken gets a new token, whether or not there is one: a connection test
// asks whether the credentials are good now.
func (c *Client) RenewToken(ctx context.Context) error { return c.bearer.Renew(ctx) }
