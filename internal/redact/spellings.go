package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// form says how a spelling came about.
type form uint8

const (
	written form = 1 << iota // the text itself, with some characters escaped
	encoded                  // base64
)

// spellings are the forms in which URLs, JSON, XML, Go and headers write a
// text.
func spellings(s string) map[string]form {
	forms := map[string]form{}
	for _, text := range [][]string{inURL(s), inJSON(s), inXML(s), inGo(s), {s, hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s)))}} {
		for _, text := range text {
			forms[text] |= written
		}
	}
	// What has been escaped once is often quoted in JSON.
	for _, text := range [][]string{inJSON(s), inXML(s)} {
		for _, text := range text {
			for _, twice := range inJSON(text) {
				forms[twice] |= written
			}
		}
	}
	for _, text := range inBase64Text(s) {
		forms[text] |= encoded
	}
	return forms
}

var percent = regexp.MustCompile(`%[0-9A-F]{2}`)

// inURL has a text as a part of a query, of a path and as a password.
func inURL(s string) []string {
	texts := []string{url.QueryEscape(s), url.PathEscape(s), strings.TrimPrefix(url.UserPassword("", s).String(), ":")}
	for _, text := range texts {
		texts = append(texts, percent.ReplaceAllStringFunc(text, strings.ToLower))
	}
	return texts
}

// inJSON has a text as several writers do: with or without escapes for what
// HTML reads, of slashes, of all that is not ASCII.
func inJSON(s string) []string {
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string always can
	forHTML, _ := json.Marshal(s)
	unquoted := func(b []byte) string { b = bytes.TrimSuffix(b, []byte("\n")); return string(b[1 : len(b)-1]) }
	texts := []string{unquoted(plain.Bytes()), unquoted(forHTML)}
	for _, text := range texts {
		texts = append(texts, inASCII(text, "%04x"), inASCII(text, "%04X"))
	}
	for _, text := range texts {
		texts = append(texts, strings.ReplaceAll(text, "/", `\/`))
	}
	return texts
}

// inASCII escapes what is not ASCII in UTF-16, as JSON does.
func inASCII(s, digits string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteByte(byte(r))
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u`+digits, unit)
		}
	}
	return b.String()
}

func inXML(s string) []string {
	var numbers bytes.Buffer
	_ = xml.EscapeText(&numbers, []byte(s)) // a buffer does not fail
	return []string{
		numbers.String(), html.EscapeString(s),
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s),
		strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(s),
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s),
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(s),
	}
}

// inGo has a text as %q writes it.
func inGo(s string) []string {
	quoted, ascii := strconv.Quote(s), strconv.QuoteToASCII(s)
	return []string{quoted[1 : len(quoted)-1], ascii[1 : len(ascii)-1]}
}

// inBase64Text has what base64 always shows of a text that is encoded together
// with others, such as the user name in front of a password: by what stands
// before it, it begins at one of three places.
func inBase64Text(s string) []string {
	var texts []string
	for before := range 3 {
		whole := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), s...))
		begin := (before*8 + 5) / 6      // the first character that is of s alone
		end := (before + len(s)) * 8 / 6 // after the last one
		if text := whole[begin:end]; end > begin {
			texts = append(texts, text, strings.NewReplacer("+", "-", "/", "_").Replace(text), strings.ReplaceAll(text, "/", `\/`),
				strings.NewReplacer("+", "%2B", "/", "%2F").Replace(text), strings.NewReplacer("+", "%2b", "/", "%2f").Replace(text))
		}
	}
	return texts
}
