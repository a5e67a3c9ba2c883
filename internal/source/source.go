// Package source says what an integration must offer to be a kind of Sluice,
// and keeps the registry of kinds. A kind knows its vendor and nothing of
// PostgreSQL or Temporal; what stores and moves its records knows no vendor.
package source

import (
	"context"
	"time"
)

// A Provider is whom a connector talks to. One connector serves every kind of
// its provider, so that a secret is entered once.
type Provider struct {
	Name   string // "qualys"
	Title  string // "Qualys"
	Fields []Field
	// Check validates a connection's settings without using the network.
	// Its error names the field and what would be right.
	Check func(Connection) error
	// Note says what Check let pass and put right, for the person who entered
	// it; empty when there is nothing to say. Nil: there never is.
	Note func(Connection) string
}

// A Field is one setting of a connector, named as in the vendor's own pages.
type Field struct {
	Name     string // "clientId"
	Help     string
	Secret   bool // sealed at rest, never printed again
	Required bool
}

// A Connection is what a kind gets to know of a connector. Secrets are in
// clear here: it lives in a worker's memory only and is never logged.
type Connection struct {
	Connector string            // the connector's name, for messages
	Settings  map[string]string // by Field.Name, not secret
	Secrets   map[string]string // by Field.Name
}

// A Kind is an integration that Sluice ships: one product of one provider.
type Kind interface {
	Name() string     // "qualys-tas"
	Title() string    // "Qualys TotalAppSec"
	Provider() string // Provider.Name
	AssetTypes() []AssetType
	// Open prepares a session; it makes no call to the vendor. A session is
	// safe for concurrent use and is kept as long as the connector does not
	// change, so that tokens are shared by all runs of a worker.
	Open(Connection) (Session, error)
}

// An AssetType is one sort of records that a kind delivers, as a stream.
type AssetType struct {
	Name  string // the vendor's name: "APPLICATION"
	Class string // the inventory's asset class: "application"
	Model string // source data model: "qualys-tas.application"
	Map   string // default transform map: "qualys-tas-application"
	// Nested says that a record carries all findings of its asset, so that
	// a finding that is missing from it is gone.
	Nested bool
	// Overlap is how far a delta run reads back behind the watermark,
	// because the vendor publishes late.
	Overlap time.Duration
}

// A Session talks to the vendor for one connector.
type Session interface {
	// Read opens a stream of an asset type's records at a cursor.
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
	// Cursor is where an earlier Reader stood after a chunk; empty starts.
	Cursor string
}

// A Reader walks a stream. It is used by one goroutine.
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
