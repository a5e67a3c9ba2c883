package file

import (
	"cmp"
	"context"

	"sluice/internal/source"
)

// Limits bound the work of this kind. Zero values take the defaults.
type Limits struct {
	ChunkRecords int // a chunk has at most so many records; default 5,000
	ChunkBytes   int // a chunk ends above this; default 1 MiB
}

// New returns the kind.
func New(l Limits) source.Kind {
	l.ChunkRecords = cmp.Or(l.ChunkRecords, 5000)
	l.ChunkBytes = cmp.Or(l.ChunkBytes, 1<<20)
	return kind{l}
}

type kind struct{ limits Limits }

func (kind) Name() string     { return "file" }
func (kind) Title() string    { return "Files" }
func (kind) Provider() string { return "file" }

// ReadsUploads marks the kind: see source.ReadsUploads.
func (kind) ReadsUploads() {}

// Card implements source.Kind.
func (kind) Card() source.Card {
	return source.Card{
		Vendor: "any", Product: "Files of records", Category: "any", Application: application,
		Assets:   "what a file has: applications, API collections, APIs or hosts",
		Findings: "those inside of an asset's record, or a record each",
		Version:  "CSV, JSON and NDJSON", IntegrationType: "file", Direction: "files to inventory",
		Delta:          "none: a file is all that there is, or adds to it ('sluice import --partial')",
		Authentication: []string{"none: whoever may write to the database may import"},
		Permissions:    []string{"none"},
	}
}

// AssetTypes implements source.Kind. A profile names those that its files have,
// with a map for each; all of them read the whole file.
func (kind) AssetTypes() []source.AssetType {
	var types []source.AssetType
	for _, c := range []struct{ name, class string }{
		{"APPLICATION", "application"}, {"APICOLLECTION", "apiCollection"}, {"API", "api"}, {"HOST", "host"},
	} {
		types = append(types,
			source.AssetType{Name: c.name, Role: source.Assets, Class: c.class, Nested: true},
			source.AssetType{Name: c.name + "_FINDING", Role: source.Findings, Class: c.class})
	}
	return types
}

// Filters implements source.Kind: 'when' in a map leaves records out.
func (kind) Filters() []source.Filter { return nil }

// Open implements source.Kind.
func (k kind) Open(source.Connection) (source.Session, error) { return session(k), nil }

// application is what a connector is tested against.
const application = "Files"

// Provider describes a connector whose records people send in files.
func Provider() source.Provider {
	return source.Provider{
		Name: "file", Title: "Files",
		Check:        func(source.Connection) error { return nil },
		Subscription: func(source.Connection) string { return "file" },
	}
}

type session kind

// Probe implements source.Session: there is nobody to ask.
func (session) Probe(context.Context) []source.Check {
	return []source.Check{{Step: "files", Health: source.Healthy, Message: "there is nothing to connect to: files are sent by 'sluice import'", Seen: -1}}
}

// Read implements source.Session.
func (s session) Read(_ context.Context, req source.Request) (source.Reader, error) {
	return newReader(s.limits, req)
}
