package spec

// Defect is what is wrong with a document. Each was seen in documents of real
// services, or breaks a library that reads them.
type Defect string

// The defects; the zero value is none.
const (
	NullDescription      Defect = "null-description"       // of a response; what the service writes when there is none
	DanglingRef          Defect = "dangling-ref"           // a schema that is not there
	DuplicateOperationID Defect = "duplicate-operation-id" // all operations have the first one's
	WildcardPath         Defect = "wildcard-path"          // one more operation, on /*
	MissingPathParameter Defect = "missing-path-parameter" // the path's template has them, the operation does not
	Recursion            Defect = "recursion"              // a schema that contains itself
	ExportNotes          Defect = "export-notes"           // the export says that it lost something
	NumericVersion       Defect = "numeric-version"        // of info: a number, not a text
	RequiredTrue         Defect = "required-true"          // on a property
	RemoteRef            Defect = "remote-ref"             // a schema on another host
	DecimalBounds        Defect = "decimal-bounds"         // lengths with a decimal point
	BOM                  Defect = "bom"                    // a byte order mark before JSON
	NullPaths            Defect = "null-paths"             // paths: null
	Truncated            Defect = "truncated"              // the last third is missing
	NotADocument         Defect = "not-a-document"         // a web page instead
	Empty                Defect = "empty"                  // no bytes at all
)

// Defects lists all defects.
func Defects() []Defect {
	return []Defect{
		NullDescription, DanglingRef, DuplicateOperationID, WildcardPath, MissingPathParameter, Recursion, ExportNotes,
		NumericVersion, RequiredTrue, RemoteRef, DecimalBounds, BOM, NullPaths, Truncated, NotADocument, Empty,
	}
}

// Readable tells whether the operations can be counted all the same.
func (d Defect) Readable() bool {
	return d != Truncated && d != NotADocument && d != Empty
}
