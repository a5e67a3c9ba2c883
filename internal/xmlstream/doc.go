// Package xmlstream reads XML that a vendor sends, while it arrives and in
// bounded memory, and converts elements of it to JSON records.
//
// # What is read
//
// A Decoder delivers the start and end of elements and their text. An XML
// declaration, byte order mark, DOCTYPE, comments and processing instructions
// are passed over wherever XML allows them, comments and instructions inside
// of text too. Nothing is ever fetched, and no entity that a document declares
// is expanded: there is nothing that could grow or be followed.
//
// Text arrives decoded. The five entities of XML and numeric references are
// replaced. Any other reference, and an ampersand that begins none, stays as
// written: a stray one in one value must not make a whole answer unreadable,
// and nothing is lost by it. In a CDATA section everything stays as written,
// so that a vendor who writes &quot; there gets those six characters. Line
// ends become \n. NUL, bytes that are not UTF-8 and references to what is no
// Unicode character become U+FFFD, as in package transform; other control
// characters are kept. Attributes are read in the same way.
//
// Encodings are UTF-8, US-ASCII and ISO-8859-1. Prefixes of namespaces are a
// part of the name.
//
// # What is refused
//
// Every error of reading is one of three: TruncatedError (the answer ended
// early; asking again may help), SyntaxError (it is no XML, or none of a known
// encoding) or LimitError (it is larger than it may be). Tags have to match,
// there is one root element with nothing but comments and instructions around
// it, and an attribute stands once.
//
// # Why not a library
//
// encoding/xml allocates for each token and keeps a whole text in memory, of
// any length. The faster libraries that exist keep a whole token in memory as
// well (or all of the document), so that a CDATA section of 500 MB needs
// 500 MB; those that were looked at also take a cut answer for a complete one
// or do not match the tags. The scanner here has a window of fixed size, in
// which a text passes in pieces. BenchmarkTokens and BenchmarkJSON measure it
// beside encoding/xml.
package xmlstream
