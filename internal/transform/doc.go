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
// # How values are read
//
// A field's type says what it means; vendors write it in several ways:
//
//	string     a string, or a number by its exact digits
//	int        an integer of 64 bits, or a string of one; of 32 bits and not
//	           below zero where the target has a column for it
//	float      a number, or a string of one
//	bool       true or false, or a string of them
//	timestamp  ISO 8601 with an offset (Z, +0000, +00:00), with or without a
//	           fraction, or milliseconds since 1970 as a number or a string;
//	           years 1970 to 9999; kept in UTC, to the microsecond
//	severity   1 to 5, as a number or a string
//	any        any JSON (attributes): kept with sorted names
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
// an altered id is another one's.
package transform
