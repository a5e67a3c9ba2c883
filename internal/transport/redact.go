package transport

import (
	"encoding/base64"
	"slices"
	"strings"
	"sync"

	"sluice/internal/redact"
)

// redactor returns a function that blots out the values of secret headers, the
// secrets of the body and the proxy's password, in every spelling an answer may
// repeat them in.
func (c *Client) redactor(req Request) func([]byte) []byte {
	set := sync.OnceValue(func() *redact.Set {
		set := redact.New(c.options.Network.secrets()...)
		set.Add(req.Secrets...)
		for name, values := range req.Header {
			if slices.ContainsFunc(c.options.SecretHeaders, func(s string) bool { return strings.EqualFold(s, name) }) {
				for _, value := range values {
					set.Add(secretsIn(value)...)
				}
			}
		}
		return set
	})
	return func(b []byte) []byte { return set().Bytes(b) }
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
