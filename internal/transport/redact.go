package transport

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// redactor returns a function that blots out the values of secret headers, in
// every spelling an answer may repeat them in.
func (c *Client) redactor(header http.Header) func([]byte) []byte {
	return func(b []byte) []byte {
		var all []string
		for name, values := range header {
			if !slices.ContainsFunc(c.options.SecretHeaders, func(s string) bool { return strings.EqualFold(s, name) }) {
				continue
			}
			for _, v := range values {
				for _, secret := range secretsIn(v) {
					all = append(all, spellings(secret)...)
				}
			}
		}
		slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // a spelling may contain another
		for _, s := range all {
			if s != "" {
				b = bytes.ReplaceAll(b, []byte(s), []byte("[redacted]"))
			}
		}
		return b
	}
}

// secretsIn returns what is secret in a header's value: a credential without
// its scheme ("Bearer "), and the password of Basic.
func secretsIn(value string) []string {
	scheme, credential, ok := strings.Cut(value, " ")
	if !ok {
		return []string{value}
	}
	if plain, err := base64.StdEncoding.DecodeString(credential); err == nil && strings.EqualFold(scheme, "Basic") {
		_, password, _ := strings.Cut(string(plain), ":")
		return []string{credential, password}
	}
	return []string{credential}
}

// spellings are the forms in which URLs, JSON, XML and headers write a text.
func spellings(s string) []string {
	var inXML, inJSON bytes.Buffer
	_ = xml.EscapeText(&inXML, []byte(s)) // a buffer does not fail
	encoder := json.NewEncoder(&inJSON)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s)
	escaped, _ := json.Marshal(s) // & and < as \u0026 and \u003c
	text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	attribute := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")
	unquoted := func(b []byte) string { b = bytes.TrimSpace(b); return string(b[1 : len(b)-1]) }
	return []string{
		s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s), inXML.String(), text.Replace(s), attribute.Replace(s),
		unquoted(inJSON.Bytes()), unquoted(escaped),
		base64.StdEncoding.EncodeToString([]byte(s)), base64.URLEncoding.EncodeToString([]byte(s)),
	}
}
