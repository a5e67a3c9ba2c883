// Package file reads files of records that people send: CSV, JSON and NDJSON.
// What a record means is said by the profile's transform map, so that a source
// that Sluice has no kind for can be brought in.
//
// A file is detected and read once where it is sent from (Detect, Scan), so
// that whoever sends it is told what is wrong with it before anything is
// imported, and again by the run, from the text that was stored.
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
// a line that is not JSON, and a record that is no object are set aside, each
// by its place in the file. A file that cannot be read on is refused as a whole:
// its encoding or its JSON is broken, a quote is never closed, a column has no
// name or that of another, or something is above its bound.
package file
