package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// spellings are the forms in which a secret may be found, by their names.
// Base64 is looked for wherever in an encoded text the secret may begin, such
// as behind a user name.
func spellings(secret string) map[string]string {
	inJSON, _ := json.Marshal(secret)
	var inXML strings.Builder
	_ = xml.EscapeText(&inXML, []byte(secret))
	query, path := url.QueryEscape(secret), url.PathEscape(secret)
	all := map[string]string{
		"plain": secret, "JSON": strings.Trim(string(inJSON), `"`), "XML": inXML.String(), "hexadecimal": hex.EncodeToString([]byte(secret)),
		"URL query": query, "URL path": path, "quoted": strings.Trim(fmt.Sprintf("%q", secret), `"`),
		"small URL query": lowerPercent(query), "small URL path": lowerPercent(path),
	}
	for alphabet, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
		for of, form := range map[string]string{"": secret, " of JSON": all["JSON"]} {
			for before := range 3 {
				text := encoding.EncodeToString(append(make([]byte, before), form...))
				// Only what does not depend on the bytes around it.
				all[fmt.Sprintf("%s%s+%d", alphabet, of, before)] = text[(before*8+5)/6 : (before+len(form))*8/6]
			}
		}
	}
	return all
}

func lowerPercent(text string) string {
	parts := strings.Split(text, "%")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.ToLower(parts[i][:2]) + parts[i][2:]
	}
	return strings.Join(parts, "%")
}

// leaks says which secrets are in which places, and how they are spelled there.
func leaks(secrets, places map[string]string) []string {
	var found []string
	for name, secret := range secrets {
		for spelling, text := range spellings(secret) {
			for place, content := range places {
				if i := strings.Index(content, text); i >= 0 {
					around := content[max(0, i-120):i] + "<HERE>" + content[i+len(text):min(len(content), i+len(text)+60)]
					found = append(found, fmt.Sprintf("%s is in %s, in %s: %q", name, place, spelling, around))
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestTheSearchFindsASecretInEverySpelling(t *testing.T) {
	t.Parallel()
	const secret = `pl4nt-ed+/="&<~%41`
	inJSON, err := json.Marshal(map[string]string{"secret": secret})
	require.NoError(t, err)
	for name, text := range map[string]string{
		"a log":                      "refused: " + secret + " is wrong",
		"a body in JSON":             string(inJSON),
		"that in a history":          base64.StdEncoding.EncodeToString(inJSON),
		"a header":                   "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+secret)),
		"another header":             "Basic " + base64.StdEncoding.EncodeToString([]byte("users:"+secret)),
		"a third one":                "Basic " + base64.StdEncoding.EncodeToString([]byte("user1s:"+secret)),
		"a token":                    base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"a form":                     url.Values{"s": {secret}}.Encode(),
		"an address":                 "http://" + url.PathEscape(secret) + "@host",
		"an address in small digits": lowerPercent(url.QueryEscape(secret)),
		"XML":                        "<s>pl4nt-ed+/=&#34;&amp;&lt;~%41</s>",
		"a dump of bytes":            `\x00` + hex.EncodeToString([]byte(secret)),
		"an error of Go":             fmt.Sprintf("parse %q", secret),
	} {
		require.NotEmpty(t, leaks(map[string]string{"it": secret}, map[string]string{"there": text}), name)
	}
	require.Empty(t, leaks(map[string]string{"it": secret}, map[string]string{"there": "pl4nt-ed+/ and the rest [redacted]"}))
}
