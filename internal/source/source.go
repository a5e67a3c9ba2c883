// Package source says what an integration must offer to be a kind of Sluice,
// and keeps the registry of kinds. A kind knows its vendor and nothing of
// PostgreSQL or Temporal; what stores and moves its records knows no vendor.
package source

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"sluice/internal/fault"
	"sluice/internal/governor"
	"sluice/internal/suggest"
)

// A Provider is whom a connector talks to. One connector serves every kind of
// its provider, so that a secret is entered once.
type Provider struct {
	Name   string // "qualys"
	Title  string // "Qualys"
	Fields []Field
	// Check validates a connection's settings without using the network.
	// Its error names the field and what would be right; where it is a
	// *fault.Error, the code is "connector-" and the field's name, so that a
	// secret that is missing can be asked for.
	Check func(Connection) error
	// Note says what Check let pass and put right, for the person who entered
	// it; empty when there is nothing to say. Nil: there never is.
	Note func(Connection) string
	// Normalise puts settings right that mean what Check lets pass, such as an
	// API server where the gateway is meant, before they are stored. Nil: there
	// is nothing to put right.
	Normalise func(settings map[string]string)
	// Subscription says whose limits a connector's calls count against: those
	// with the same text share them.
	Subscription func(Connection) string
	// Applications are those of the vendor's modules that a connector is tested
	// against although no kind reads them.
	Applications []Application
}

// An Application is a module of a vendor that a connector is tested against by
// itself: an account may have one and not another.
type Application struct {
	Name  string // as the vendor calls it: "VMDR"
	Title string // "Vulnerability Management, Detection and Response"
	Kind  string // the kind that reads it; empty: it is only tested
	// Open prepares a test; it makes no call.
	Open func(Connection) (Prober, error)
}

// A Prober asks the vendor, as cheaply as possible, whether a connector can
// use an application, and returns one result per step taken.
type Prober interface {
	Probe(ctx context.Context) []Check
}

// A Field is one setting of a connector, named as in the vendor's own pages.
type Field struct {
	Name   string // "clientId"
	Help   string
	Secret bool // sealed at rest, never printed again
	File   bool // a text of several lines, given by a file
}

// A Connection is what a kind gets to know of a connector. Secrets are in
// clear here: it lives in a worker's memory only and is never logged.
type Connection struct {
	Connector string            // the connector's name, for messages
	Settings  map[string]string // by Field.Name, not secret
	Secrets   map[string]string // by Field.Name

	// Governor keeps the calls within the limits of the connector's
	// subscription; nil lets all through.
	Governor *governor.Governor
	// Credential is what is shared of a credential of the connector, by a name
	// of the provider's choice, with all who use it in any worker. Nil: nothing.
	Credential func(name string) Credential
}

// Shared is what is shared of a credential; nil: nothing.
func (c Connection) Shared(name string) Credential {
	if c.Credential == nil {
		return nil
	}
	return c.Credential(name)
}

// A Credential is what is shared of one credential of a connector, with all
// who use it in any worker: the token that one of them got with it, and that
// the vendor refused it. It is forgotten when the connector changes. It is safe
// for concurrent use.
type Credential interface {
	// Token returns the token that was saved last and is still good; nil when
	// there is none.
	Token(ctx context.Context) (*oauth2.Token, error)
	// Save shares a token until its Expiry. It is sealed at rest.
	Save(ctx context.Context, token *oauth2.Token) error
	// Forget drops the token if it is the one that is shared.
	Forget(ctx context.Context, accessToken string) error
	// Standing says whether the vendor has accepted the credential since the
	// connector last changed, and how it refused it, if that is not over yet.
	Standing(ctx context.Context) (accepted bool, refusal *fault.Error, err error)
	// Accept notes that the vendor accepted it.
	Accept(ctx context.Context) error
	// Refuse notes that the vendor refused it; it is not to be offered before
	// until.
	Refuse(ctx context.Context, refusal *fault.Error, until time.Time) error
	// Held says for how long the last refusal was kept, whether or not it is
	// over; 0 when the vendor has accepted the credential since.
	Held(ctx context.Context) (time.Duration, error)
	// Exclusive waits until nobody else holds the credential, in any worker,
	// and holds it until release is called: one who offers a credential that
	// was never accepted, or gets a token, does so alone.
	Exclusive(ctx context.Context) (release func(), err error)
}

// A Kind is an integration that Sluice ships: one product of one provider.
type Kind interface {
	Name() string     // "qualys-tas"
	Title() string    // "Qualys TotalAppSec"
	Provider() string // Provider.Name
	Card() Card
	AssetTypes() []AssetType
	// Filters lists what a profile of this kind can be narrowed by; none for
	// a kind that reads all or nothing.
	Filters() []Filter
	// Open prepares a session; it makes no call to the vendor. A session is
	// safe for concurrent use and is kept as long as the connector does not
	// change, so that tokens are shared by all runs of a worker.
	Open(Connection) (Session, error)
}

// A Card says what a kind can do and what it needs, for people who choose and
// set up. Asset types and filters are said by the Kind itself.
type Card struct {
	Vendor          string // "Qualys"
	Product         string // as the vendor calls it
	Category        string // "application security"
	Application     string // Application.Name that a connection test uses
	Assets          string // "web applications, API collections"
	Findings        string // "vulnerabilities"; empty: none
	Version         string // of the vendor's API that is spoken
	IntegrationType string // "API"
	Direction       string // "Qualys TotalAppSec to inventory"
	Delta           string // what a delta run goes by
	Authentication  []string
	Permissions     []string // steps, as the vendor's user interface names them
}

// ReadsUploads says whether a kind reads files that people send, and no vendor:
// its runs are given what they read.
func ReadsUploads(k Kind) bool {
	_, ok := k.(interface{ ReadsUploads() })
	return ok
}

// A Role is what a stream's records are. Streams are read role by role: what
// findings belong to and refer to comes before them.
type Role string

const (
	// Assets are assets, with or without their findings.
	Assets Role = "assets"
	// Findings are findings of assets that a stream of Assets brings.
	Findings Role = "findings"
	// Reference is what findings refer to, such as a knowledge base.
	Reference Role = "reference"
)

// An AssetType is one sort of records that a kind delivers, as a stream:
// assets or, where the vendor delivers them apart, findings or what they refer
// to.
type AssetType struct {
	Name  string // the vendor's name: "APPLICATION"
	Role  Role
	Class string // the inventory's asset class, of findings that of their assets: "application"; empty for Reference
	Model string // source data model: "qualys-tas.application"; empty: any, the profile's map says which
	Map   string // default transform map: "qualys-tas-application"; empty: none, the profile has to name one
	// Nested, of Assets, says that a record carries all findings of its asset,
	// so that a finding that is missing from it is gone.
	Nested bool
	// Overlap is how far a delta run reads back behind the watermark,
	// because the vendor publishes late.
	Overlap time.Duration
}

// A Filter is something that a profile can narrow what is read by. Filters are
// applied by the vendor, and all of them have to be met.
type Filter struct {
	Name string // "severities"
	Help string // with an example
	// Check says what is wrong with the values given for it; they are never
	// empty. Nil: any will do.
	Check func(values []string) error
	// Drifts says that a finding can leave what these values let through
	// without being gone, as by a lower severity: under such a filter a finding
	// that is absent keeps its status. Nil: it cannot.
	Drifts func(values []string) bool
}

// Always is for the Drifts of a filter that always does.
func Always([]string) bool { return true }

// CheckFilters says whether a kind can be narrowed by these filters.
func CheckFilters(k Kind, filters map[string][]string) error {
	var names []string
	for _, f := range k.Filters() {
		names = append(names, f.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(filters)) {
		i := slices.Index(names, name)
		switch {
		case len(names) == 0:
			return fmt.Errorf("kind %s has no filters: it reads everything that the account sees", k.Name())
		case i < 0:
			return fmt.Errorf("kind %s has no filter %q%s", k.Name(), name, suggest.Ending(name, names))
		case len(filters[name]) == 0:
			return fmt.Errorf("filter %s has no values: leave it out, or give some", name)
		}
		if check := k.Filters()[i].Check; check != nil {
			if err := check(filters[name]); err != nil {
				return fmt.Errorf("filter %s: %w", name, err)
			}
		}
	}
	return nil
}

// Drifts says whether one of the filters does: see Filter.
func Drifts(k Kind, filters map[string][]string) bool {
	for _, f := range k.Filters() {
		if values := filters[f.Name]; len(values) > 0 && f.Drifts != nil && f.Drifts(values) {
			return true
		}
	}
	return false
}

// A Session talks to the vendor for one connector.
type Session interface {
	// Read opens a stream of an asset type's records at a cursor. It makes no
	// call to the vendor: the reader does.
	Read(ctx context.Context, req Request) (Reader, error)
	// Probe asks the vendor, as cheaply as possible, whether the connector
	// can read this kind's records, and returns one result per step taken.
	Probe(ctx context.Context) []Check
}

// A Request names what to read.
type Request struct {
	AssetType string
	// Since limits a delta run to records updated at or after it (UTC);
	// zero reads everything.
	Since time.Time
	// Filters narrow what is read: values by Filter.Name, checked before.
	Filters map[string][]string
	// Cursor is where an earlier Reader stood after a chunk; empty starts.
	Cursor string
	// Upload is the file to read, for a kind that ReadsUploads; nil for others.
	Upload *Upload
	// Recall returns what complete runs of the profile have remembered of the
	// stream's records, by key: see Chunk.Remember. Keys that are not known are
	// left out.
	Recall func(ctx context.Context, keys []string) (map[string]string, error)
	// Exclusive waits until no other reader holds the key, in any worker, and
	// holds it until release is called.
	Exclusive func(ctx context.Context, key string) (release func(), err error)
}

// An Upload is a file that somebody has sent to be read.
type Upload struct {
	Name    string            // as people know it: "scans.csv"
	Reading map[string]string // how it is read, as its kind has written it
	Records int64             // that the sender counted
	// Open reads its text, in UTF-8, from a place on.
	Open func(ctx context.Context, from int64) io.ReadCloser
}

// A Reader walks a stream. It is used by one goroutine at a time. Answers of
// the vendor may stay open from one call of Next to another, so all calls get
// the same context, which outlives them.
type Reader interface {
	// Next returns the next chunk. After a chunk with End it is not called
	// again. After an error the stream can be opened again at the cursor of
	// the last chunk returned: everything before it has been delivered.
	Next(ctx context.Context) (Chunk, error)
	Close() error
}

// A Chunk is some complete records in the vendor's order, and where to go on
// after them. Its Data is valid until the next call of Next.
type Chunk struct {
	// Data holds the records in substance as received: JSON in valid UTF-8,
	// a record a line.
	Data    []byte
	Records int
	// Repeated counts records left out because they had been delivered.
	Repeated int
	// SetAside are records that the vendor could not deliver in a readable
	// form even alone; the stream goes on after them.
	SetAside []SetAside
	// Documents are kept by their content; records refer to them by Hash.
	Documents []Document
	// Remember is what later runs are to know of these records, by key, once
	// this run has turned out to be complete.
	Remember map[string]string
	// Unread are parts of the source that could not be read: the run is
	// partial, and nothing in them is taken for gone.
	Unread []Scope
	// Cursor continues after this chunk. It may go back, when what was
	// delivered turned out to have a hole: records then arrive again.
	Cursor string
	// Pages counts the answers of the vendor that ended with this chunk.
	Pages int
	// Remaining is how many records the vendor says are still to come after
	// this chunk; negative when it does not say.
	Remaining int64
	// Clock is the vendor's time of the answer (its Date header).
	Clock time.Time
	// End says that the vendor marked the end of the stream here.
	End bool
	// Doubt, set with End, says why the end cannot be believed: the vendor
	// had counted more than it delivered.
	Doubt string
}

// A Document is something large that belongs to a record, such as the
// specification of an API.
type Document struct {
	Hash      string // SHA-256 of Data, in hexadecimal digits
	Format    string // "openapi+json", "wsdl"
	Data      []byte
	Endpoints []Endpoint // what it says can be called
}

// An Endpoint is one operation of an API.
type Endpoint struct {
	Method      string
	Path        string
	OperationID string // empty: it has none
	Deprecated  bool
	Parameters  int
	Security    string // "required", "none" or "unknown"
}

// A Scope is a part of a source: all assets whose external ids begin with ID
// and, after it, a slash.
type Scope struct {
	ID     string `json:"id"`
	Reason string `json:"reason"` // why it could not be read
}

// SetAside is a record that could not be read.
type SetAside struct {
	ExternalID string // empty when not even that is known
	Reason     string
	Head       string // the beginning of what arrived, bounded
}

// Health of one probed step.
type Health string

const (
	Healthy       Health = "healthy"
	Unauthorised  Health = "unauthorised"
	NotLicensed   Health = "not licensed"
	Throttled     Health = "throttled"
	Unreachable   Health = "unreachable"
	Misconfigured Health = "misconfigured"
	Unknown       Health = "unknown"
	// NotAsked: the vendor was not, since our own runs left no room for the
	// call. It says nothing of the connector; other steps do.
	NotAsked Health = "not asked"
)

// A Check is the result of one step of a connection test.
type Check struct {
	Step    string // "token", "TAS applications"
	Health  Health
	Message string // what the vendor or the network said
	Advice  string // what to do, when not healthy
	Latency time.Duration
	Seen    int64 // how many records the account sees; negative when unknown
}
