// Package transform makes records as a vendor sent them into assets and
// findings of the inventory, by transform maps that people can read and own.
//
// Data models (Model) say which fields the records of a source and of the
// inventory have. A map (Map) says which source field fills which target
// field. Compile checks a map completely and makes it a Program; an Applier
// applies it to one raw JSON record after another, reading only the fields
// that the map names. A record is an asset with or without findings, one finding
// with a reference to its asset, or an entry of the knowledge base: the models
// say which.
//
// # Expressions and conditions
//
// Where a path is not enough, a row has an expression in CEL (expr instead of
// from), and the map may have conditions: "when" for records, "whenFindings"
// for the findings inside of them. An expression sees
//
//	record    the record: record.name, record.owner.id, record.tags[0]
//	finding   in rows and conditions of findings, the element of the list
//
// with the types of the source model, so that a misspelt field is found when
// the map is saved. A field that may be absent is read as record.?name, which
// may be none, or record.?name.orValue("x"), or tested by has(record.name);
// an absent field that is read plainly rejects the record, or the finding.
// Values are read by the rules below, but an empty text is a text. What an
// expression gives is then taken as a field's value would be: the row's convert
// and values apply to it, and its default where it gives none. Beside CEL's own
// functions there are lowerAscii, upperAscii, trim, replace, split, join and
// substring. Names that are no identifiers stand in backticks: record.`a-b`.
//
// What a condition leaves out is neither taken nor rejected; see
// Applier.LeftOut. All else of it may be wrong, but its id has to be known:
// otherwise it is rejected. A condition that can be neither true nor false
// rejects, too.
//
// Expressions are pure: they see one record, and neither clock nor network.
// They are bounded in length, nesting, steps, size of texts, of lists and of
// results, and in how much of a record they read, each and all of a record
// together; what goes beyond is rejected.
//
// # Lists
//
// What is inside of the list of findings goes to findings. The values of all
// elements of any other list, and of lists inside of it, go to an attribute as one
// list, in their order: tags[].name, findings[].cves[].id. Elements without a value
// add none.
//
// # Forms
//
// A map is YAML (ParseMap, WriteYAML) or a table for spreadsheets (ParseCSV,
// WriteCSV), and the same in both. Explain and Diff show what maps make of a
// record, Infer proposes a model and a map for records of a file.
//
// # How values are read
//
// A field's type says what it means; vendors write it in several ways:
//
//	string     a string, or a number by its exact digits
//	int        an integer of 64 bits, or a string of one, without fraction or
//	           exponent; of 32 bits and not below zero where the target has a
//	           column for it
//	float      a number, or a string of one: the nearest that 64 bits hold;
//	           one beyond them, such as 1e400, is none
//	bool       true or false, or a string of them
//	timestamp  ISO 8601 with an offset (Z, +0000, +00:00), with or without a
//	           fraction, or milliseconds since 1970 as a number or a string,
//	           of 12 digits or more, or seconds, of 10: other numbers, such
//	           as 20250131, may mean anything; years 1970 to 9999; kept in
//	           UTC, to the microsecond
//	severity   1 to 5, as a number or a string
//	any        any JSON (attributes): kept with sorted names, and numbers by
//	           their exact digits, with exponents up to 1000; an expression
//	           reads them as int, or as float where there is a fraction or an
//	           exponent, unless it would take another whole number for it
//
// A source field that is absent, null or an empty string leaves its target
// empty, or at the row's default. Where the target or the source model says
// that the field is required, it is a reject. (Among attributes an empty
// string is a value like any other.) An empty string in place of an object or
// a list is an absent one too: so an empty XML element reads.
//
// Nothing is guessed and nothing is cut. Rejected, with the reason in words:
//
//   - a value that does not read as its type, or has no row in the row's
//     table of values, or is longer than the target takes (ids 1,024 bytes,
//     names and URLs 8 KiB, an attribute 64 KiB);
//   - a field that the map reads and that an object has twice: nobody knows
//     which one is meant (fields that the map does not read may repeat);
//   - a finding whose id a later finding of the record has too, unless both
//     are alike in all that the map reads: then they are one;
//   - a record that is not one valid JSON object, or is nested deeper than
//     MaxDepth.
//
// The one repair is made to text: NUL and bytes that are not UTF-8, which
// PostgreSQL cannot hold, become U+FFFD. An id with them is rejected, since
// an altered id is another one's; so is one that an expression makes of them.
package transform
