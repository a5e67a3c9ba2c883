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
	"sluice/internal/governor"
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
	Transport    transport.Options // timeouts; address, network, vendor and bounds of bodies are filled in
	Tries        int               // of a call that fails for a moment; default 4
	Backoff      time.Duration     // before the second try, then doubled; default 500 ms
	MaxAnswer    int64             // bytes of an answer of ARM; default 64 MiB
	MaxDocument  int64             // bytes of a downloaded document; default 32 MiB
	MaxPages     int               // of a list; default 10,000
	MaxList      int64             // bytes of all pages of a list; default 256 MiB
	maxBlobHosts int
}

func (l Limits) withDefaults() Limits {
	l.Tries = cmp.Or(l.Tries, 4)
	l.Backoff = cmp.Or(l.Backoff, 500*time.Millisecond)
	l.MaxAnswer = cmp.Or(l.MaxAnswer, 64<<20)
	l.MaxDocument = cmp.Or(l.MaxDocument, 32<<20)
	l.MaxPages = cmp.Or(l.MaxPages, 10_000)
	l.MaxList = cmp.Or(l.MaxList, 256<<20)
	l.maxBlobHosts = 256
	return l
}

// Client calls ARM for one connector. It is safe for concurrent use; all who
// share it share its token.
type Client struct {
	Settings Settings

	limits   Limits
	bearer   *transport.Bearer
	arm      *transport.Client
	governor *governor.Governor

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
	limits.Transport.Network = settings.network
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
	keeper := c.Governor
	if keeper == nil { // there are no others to share the limits with
		keeper = governor.New(governor.NewMemory(), governor.Options{Subscription: subscription(c), Reserve: source.Reserve(c)})
	}
	return &Client{
		Settings: settings, limits: limits, bearer: transport.NewBearer(tokens, c.Shared("client")), arm: arm,
		governor: keeper, blobs: map[string]*transport.Client{},
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
	for try := 1; ; try++ {
		answer, throttled, err := c.once(ctx, target, isJSON)
		switch {
		case err == nil:
			return answer, nil
		case throttled && try < c.limits.Tries+2:
			// The next call waits as it was asked, or says for how long.
		case worthAnotherTry(err) && try < c.limits.Tries:
			if err := sleep(ctx, c.limits.Backoff<<(try-1)); err != nil {
				return Answer{}, err
			}
		default:
			return Answer{}, err
		}
	}
}

// once makes a call within the limits, and tells the governor what is answered
// of them. throttled says that ARM refused it for them.
func (c *Client) once(ctx context.Context, target string, isJSON bool) (answer Answer, throttled bool, err error) {
	slot, err := c.governor.Enter(ctx, apiOf(target))
	if err != nil {
		return Answer{}, false, err
	}
	defer slot.Leave()
	last := 0 // status of ARM's last answer; the token endpoint has limits of its own
	resp, err := c.bearer.Do(ctx, c.arm, transport.Request{
		Method: http.MethodGet, Path: target, JSON: isJSON,
		// What it accepts decides on the shape of some answers.
		Header: http.Header{"Accept": {"application/json"}},
		Permit: slot.Call,
		Answered: func(status int, header http.Header) {
			if last = status; status != http.StatusTooManyRequests {
				slot.Answered(limitsIn(header))
			}
		},
	})
	if err != nil {
		if f := fault.As(err); f != nil && f.Class == fault.Throttled && last != 0 && last != http.StatusUnauthorized {
			slot.Answered(refusalOf(f))
			return Answer{}, true, err
		}
		return Answer{}, false, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, false, err
	}
	body = bytes.ToValidUTF8(bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF")), []byte("\uFFFD"))
	return Answer{Body: body, ETag: resp.Header.Get("ETag"), Clock: resp.Clock}, false, nil
}

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// worthAnotherTry says whether a call that failed may succeed in a moment.
func worthAnotherTry(err error) bool {
	f := fault.As(err)
	return f != nil && f.Class == fault.Transient
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
