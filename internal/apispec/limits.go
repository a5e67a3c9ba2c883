package apispec

import "unicode/utf8"

// MaxBytes is the size of the largest document that is read: Azure refuses to
// import more than 4 MB inline, and the largest public specifications
// (Microsoft Graph) have about 30 MB.
const MaxBytes = 32 << 20

// What is kept of one document. Public specifications stay far below: the
// largest have some 17,000 endpoints.
const (
	maxPaths      = 50_000
	maxEndpoints  = 50_000
	maxParameters = 200    // of one path or operation
	maxShared     = 20_000 // entries of one map under components
	maxServers    = 100
	maxSchemes    = 200
	maxHops       = 16 // references that lead to references
	maxRootKeys   = 10 // named in a Problem
	maxNotes      = 10

	maxPathBytes = 2048
	maxTextBytes = 512 // titles, versions, identifiers, messages

	// maxYAMLValues bounds the memory that a YAML document takes (about 240
	// bytes a value), which the parser holds as a whole: some 20 MB of ordinary
	// YAML. maxYAMLSteps bounds the work on it when aliases make a value appear
	// many times.
	maxYAMLValues = 2_000_000
	maxYAMLSteps  = 4_000_000
)

// clip cuts a text of the document to at most n bytes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
