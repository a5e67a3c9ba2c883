// Package qualys holds what all Qualys kinds share: the platforms, the fields
// of a connector, tokens and error bodies.
package qualys

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/suggest"
	"sluice/internal/transport"
)

// The settings of a Qualys connector, named as in Qualys's own pages.
const (
	FieldBaseURL      = "baseURL"
	FieldPlatform     = "platform"
	FieldClientID     = "clientId"
	FieldClientSecret = "clientSecret"
	FieldDialect      = "dialect"
	FieldPageSize     = "pageSize"
)

// The values of FieldDialect.
const (
	DialectQPS     = "qps"
	DialectGateway = "gateway"
)

// Provider describes a connector to Qualys.
func Provider() source.Provider {
	return source.Provider{
		Name:  "qualys",
		Title: "Qualys",
		Fields: []source.Field{
			{Name: FieldBaseURL, Help: "gateway URL of the subscription's platform, such as https://gateway.qg1.apps.qualys.com (or give platform)"},
			{Name: FieldPlatform, Help: "platform of the subscription (or give baseURL): " + strings.Join(platformNames(), ", ")},
			{Name: FieldClientID, Required: true, Help: "client id, from My Profile > Auth ID Client Management > User Level"},
			{Name: FieldClientSecret, Required: true, Secret: true, Help: "client secret, shown once when the client is created"},
			{Name: FieldDialect, Help: "how TotalAppSec searches are phrased: " + DialectQPS + " (default) or " + DialectGateway},
			{Name: FieldPageSize, Help: "records asked for at a time, 1 to 1000 (default 1000); smaller pages where answers time out"},
		},
		Check: func(c source.Connection) error {
			_, err := ResolveEndpoint(c)
			if err == nil {
				err = checkCredential(c)
			}
			if err == nil {
				_, err = PageSize(c)
			}
			return err
		},
		Note: func(c source.Connection) string {
			at, err := ResolveEndpoint(c)
			if err != nil {
				return ""
			}
			return at.Note
		},
	}
}

// PageSize is how many records a connector asks for at a time; 0 when it does
// not say.
func PageSize(c source.Connection) (int, error) {
	text := c.Settings[FieldPageSize]
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1000 {
		return 0, setting(FieldPageSize, fmt.Sprintf("%q is not a number from 1 to 1000", short(text)), "leave it out for pages of 1000")
	}
	return n, nil
}

// An Endpoint is where a connector's requests go.
type Endpoint struct {
	Gateway  string
	Platform string // short name; empty for a base URL that is not in the table
	// Note says what was put right in the settings; empty when nothing was.
	Note string
}

// ResolveEndpoint finds the gateway from a connector's platform or base URL.
func ResolveEndpoint(c source.Connection) (Endpoint, error) {
	base, name := strings.TrimSpace(c.Settings[FieldBaseURL]), strings.TrimSpace(c.Settings[FieldPlatform])
	if base == "" && name == "" {
		return Endpoint{}, setting(FieldBaseURL, "and "+FieldPlatform+" are both missing",
			"give the platform (US1, EU2 and so on) or the gateway's URL; the address of Qualys in your browser tells which it is")
	}
	var at Endpoint
	if name != "" {
		p, ok := FindPlatform(name)
		if !ok {
			return Endpoint{}, setting(FieldPlatform, fmt.Sprintf("%q is not known%s", short(name), suggest.Ending(name, platformNames())),
				"private clouds are given by "+FieldBaseURL)
		}
		at = Endpoint{Gateway: p.Gateway, Platform: p.Name}
	}
	if base == "" {
		return at, nil
	}
	checked, err := transport.CheckBaseURL(base)
	if err != nil {
		return Endpoint{}, err
	}
	gateway, note, err := gatewayFor(checked)
	if err != nil {
		return Endpoint{}, setting(FieldBaseURL, "is not a gateway", err.Error())
	}
	if at.Gateway != "" && at.Gateway != gateway {
		return Endpoint{}, setting(FieldBaseURL, fmt.Sprintf("%s does not belong to platform %s, whose gateway is %s", gateway, at.Platform, at.Gateway),
			"give only one of the two")
	}
	at.Gateway, at.Note = gateway, note
	for _, p := range Platforms {
		if p.Gateway == gateway {
			at.Platform = p.Name
		}
	}
	return at, nil
}

// checkCredential makes sure that id and secret can be sent as headers, and
// that the dialect exists.
func checkCredential(c source.Connection) error {
	for field, value := range map[string]string{
		FieldClientID:     c.Settings[FieldClientID],
		FieldClientSecret: c.Secrets[FieldClientSecret],
	} {
		if value == "" {
			return setting(field, "is missing", "create a client under My Profile > Auth ID Client Management > User Level > New Client")
		}
		bad := strings.IndexFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f })
		if bad >= 0 || len(value) > 4096 {
			return setting(field, "contains a blank, a line break or a character that a client's "+field+" never has", "copy it again, without anything around it")
		}
	}
	switch c.Settings[FieldDialect] {
	case "", DialectQPS, DialectGateway:
		return nil
	}
	known := []string{DialectQPS, DialectGateway}
	return setting(FieldDialect, fmt.Sprintf("%q is not known%s", short(c.Settings[FieldDialect]), suggest.Ending(c.Settings[FieldDialect], known)),
		"leave it out unless searches are not understood")
}

func setting(field, what, advice string) error {
	return &fault.Error{Class: fault.Refused, Code: "connector-" + field, Message: field + " " + what, Advice: advice}
}
