// Package file reads files of records that people send: CSV, JSON and NDJSON.
// What a record means is said by the profile's transform map, so that a source
// that Sluice has no kind for can be brought in.
//
// A file is detected and read once where it is sent from (Detect, Scan), so
// that whoever sends it is told what is wrong with it before anything is
// imported, and again by the run, from the text that was stored.
//
// # What is detected, and what can be given
//
// Options say how a file is read; Detect completes those that are empty, by the
// file's name and its first 64 KiB:
//
//	encoding   by a mark of UTF-8 or UTF-16; UTF-16 also where every other byte
//	           is zero; UTF-8 where all of it is; else Windows-1252
//	format     by the endings csv, tsv, tab, ndjson and jsonl; else JSON where it
//	           begins with [ or {, NDJSON where a second object follows the
//	           first, and CSV for all other text
//	delimiter  of CSV: that of a first line "sep=;"; else the one of comma,
//	           semicolon, tab and bar by which most rows are as wide as the header
//	records    of JSON, the list that has them, such as data.items: the only one
//	           of objects, at most four objects deep
//
// Archives, workbooks, XML and what is no text are refused.
//
// # What a record is
//
//	csv     a row below the header row; its values are strings, and those that
//	        are empty are left out
//	ndjson  a line that is an object
//	json    an element of the one list of objects that the file is, or has
//
// A path of a map separates names by dots and has no blanks and brackets.
// Where a column, or a field, is called by a name with those in it, each run of
// them becomes one underscore: "Host IP" is Host_IP, "os.name" is os_name.
//
// # What is wrong
//
// A row with more or fewer values than the header, a quote inside of a value,
// a line that is not JSON, a record that is no object, and one that is longer as
// JSON than a record may be are set aside, each by its place in the file. A file
// that cannot be read on is refused as a whole: its encoding or its JSON is broken
// (a byte that is no character is never replaced, lest two ids become one), a
// quote is never closed, a column has no name or that of another, or something is
// above its bound.
package file
