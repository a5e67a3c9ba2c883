package qualys

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice/internal/source"
	"sluice/internal/suggest"
)

// The settings of a Qualys connector, named as in Qualys's own pages.
const (
	FieldBaseURL        = "baseURL"
	FieldPlatform       = "platform"
	FieldAPIServer      = "apiServer"
	FieldAuthentication = "authentication"
	FieldClientLevel    = "clientLevel"
	FieldClientID       = "clientId"
	FieldClientSecret   = "clientSecret"
	FieldUsername       = "username"
	FieldPassword       = "password"
	FieldDialect        = "dialect"
	FieldPageSize       = "pageSize"
	FieldConcurrency    = "concurrency"
	FieldWASFormat      = "wasFormat"
	FieldSubscription   = "subscription"
)

// The values of FieldDialect.
const (
	DialectQPS     = "qps"
	DialectGateway = "gateway"
)

// The values of FieldWASFormat.
const (
	WASFormatJSON = "json"
	WASFormatXML  = "xml"
)

// PageSize is how many records a connector asks for at a time; 0 when it does
// not say.
func PageSize(c source.Connection) (int, error) {
	return number(c, FieldPageSize, 1000, "leave it out for pages of 1000")
}

// DefaultConcurrency is the vendor's standard limit of calls of one API at the
// same time; maxConcurrency is that of the largest subscriptions (Qualys
// documentation: API limits).
const (
	DefaultConcurrency = 2
	maxConcurrency     = 10
)

// Concurrency is how many calls of one list or search a connector makes beside
// each other; 0 when it does not say.
func Concurrency(c source.Connection) (int, error) {
	return number(c, FieldConcurrency, maxConcurrency, fmt.Sprintf("leave it out for %d, the limit of most subscriptions", DefaultConcurrency))
}

// number reads a setting from 1 to most; 0 when it is left out.
func number(c source.Connection, field string, most int, advice string) (int, error) {
	text := c.Settings[field]
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, source.WrongSetting(field, fmt.Sprintf("%q is not a number from 1 to %d", Short(text), most), advice)
	}
	return n, nil
}

// WASFormat is how requests of WAS and their answers are written.
func WASFormat(c source.Connection) (Format, error) {
	switch c.Settings[FieldWASFormat] {
	case "", WASFormatJSON:
		return JSON, nil
	case WASFormatXML:
		return XML, nil
	}
	known := []string{WASFormatJSON, WASFormatXML}
	return JSON, source.WrongSetting(FieldWASFormat, fmt.Sprintf("%q is not known%s", Short(c.Settings[FieldWASFormat]), suggest.Ending(c.Settings[FieldWASFormat], known)),
		"leave it out for "+WASFormatJSON)
}

// maxSubscription bounds the name of a subscription, in bytes.
const maxSubscription = 100

// Subscription says whose limits the connector's calls count against: the name
// given, else the host of the API server. Limits are those of a subscription
// (Qualys documentation: API limits); that all connectors of one API server are
// of the same is what nearly always is so, and does no harm where it is not.
func Subscription(c source.Connection) string {
	if name := strings.TrimSpace(c.Settings[FieldSubscription]); name != "" {
		return name
	}
	at, err := ResolveEndpoint(c)
	if err != nil {
		return "" // not checked: it makes no call
	}
	u, err := url.Parse(cmp.Or(at.API, at.Gateway))
	if err != nil {
		return ""
	}
	return u.Host
}

func checkSubscription(c source.Connection) error {
	name := c.Settings[FieldSubscription]
	if strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name) || len(name) > maxSubscription {
		return source.WrongSetting(FieldSubscription, fmt.Sprintf("is no name of at most %d printable characters", maxSubscription),
			"leave it out, unless connectors of several subscriptions call the same API server")
	}
	return nil
}

// checkDialect makes sure that the dialect exists.
func checkDialect(c source.Connection) error {
	switch c.Settings[FieldDialect] {
	case "", DialectQPS, DialectGateway:
		return nil
	}
	known := []string{DialectQPS, DialectGateway}
	return source.WrongSetting(FieldDialect, fmt.Sprintf("%q is not known%s", Short(c.Settings[FieldDialect]), suggest.Ending(c.Settings[FieldDialect], known)),
		"leave it out unless searches are not understood")
}
