package qualys

import (
	"fmt"
	"net/url"
	"strings"

	"sluice/internal/source"
	"sluice/internal/suggest"
	"sluice/internal/transport"
)

// An Endpoint is where a connector's requests go, and nowhere else.
type Endpoint struct {
	Gateway string // TotalAppSec and the like
	// API is the API server (WAS, VM); empty when it is not known, which only
	// those who need it have to mind.
	API      string
	Platform string // short name; empty for a base URL that is not in the table
	// Note says what was put right in the settings; empty when nothing was.
	Note string
}

// ResolveEndpoint finds the gateway from a connector's platform or base URL,
// and the API server that belongs to it.
func ResolveEndpoint(c source.Connection) (Endpoint, error) {
	at, err := resolveGateway(strings.TrimSpace(c.Settings[FieldBaseURL]), strings.TrimSpace(c.Settings[FieldPlatform]))
	if err != nil {
		return Endpoint{}, err
	}
	if given := strings.TrimSpace(c.Settings[FieldAPIServer]); given != "" {
		api, note, err := apiServer(given, at)
		if err != nil {
			return Endpoint{}, err
		}
		at.API, at.Note = api, strings.Trim(at.Note+"; "+note, "; ")
		return at, nil
	}
	if p, ok := FindPlatform(at.Platform); ok {
		at.API = p.API
	} else {
		at.API = apiServerFor(at.Gateway)
	}
	return at, nil
}

func resolveGateway(base, name string) (Endpoint, error) {
	if base == "" && name == "" {
		return Endpoint{}, source.WrongSetting(FieldBaseURL, "and "+FieldPlatform+" are both missing",
			"give the platform (US1, EU2 and so on) or the gateway's URL; the address of Qualys in your browser tells which it is")
	}
	var at Endpoint
	if name != "" {
		p, ok := FindPlatform(name)
		if !ok {
			return Endpoint{}, source.WrongSetting(FieldPlatform, fmt.Sprintf("%q is not known%s", Short(name), suggest.Ending(name, platformNames())),
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
		return Endpoint{}, source.WrongSetting(FieldBaseURL, "is not a gateway", err.Error())
	}
	if at.Gateway != "" && at.Gateway != gateway {
		return Endpoint{}, source.WrongSetting(FieldBaseURL, fmt.Sprintf("%s does not belong to platform %s, whose gateway is %s", gateway, at.Platform, at.Gateway),
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

// apiServer is the API server that is given, which is none of another platform.
// The gateway or portal of the same platform or cloud is put right.
func apiServer(given string, at Endpoint) (api, note string, err error) {
	checked, err := transport.CheckBaseURL(given)
	if err != nil {
		return "", "", source.WrongSetting(FieldAPIServer, "cannot be used: "+err.Error(), "")
	}
	u, err := url.Parse(checked)
	if err != nil {
		return "", "", err // CheckBaseURL has parsed it
	}
	host := u.Hostname()
	const leaveOut = "leave it out: the API server of a platform is known"
	for _, p := range Platforms {
		switch other := at.Platform != p.Name; {
		case host == hostOf(p.API) && other:
			return "", "", source.WrongSetting(FieldAPIServer, host+" is the API server of "+p.Name+", and "+FieldPlatform+" or "+FieldBaseURL+" is another", leaveOut)
		case host != hostOf(p.Gateway) && host != p.portal():
		case other || p.API == "":
			return "", "", source.WrongSetting(FieldAPIServer, host+" is no API server, but the gateway or portal of "+p.Name, leaveOut)
		default:
			return p.API, fmt.Sprintf("%s is not the API server of %s; %s is used instead", host, p.Name, p.API), nil
		}
	}
	for _, prefix := range []string{"gateway.", "qualysguard."} {
		rest, found := strings.CutPrefix(host, prefix)
		if !found {
			continue
		}
		api := "https://qualysapi." + rest
		if api == apiServerFor(at.Gateway) {
			return api, fmt.Sprintf("%s is a gateway or portal; the API server of a private cloud, %s, is used instead", host, api), nil
		}
		return "", "", source.WrongSetting(FieldAPIServer, host+" is a gateway or portal", "the API server of a private cloud is "+api)
	}
	return checked, "", nil
}

// apiServerFor is the API server of a gateway that is not in the table, or ""
// when it cannot be told. Private clouds have theirs at qualysapi.<base>
// (Qualys documentation, "Identify your Qualys platform"); that their gateway
// is gateway.<base> is inferred. On this machine one address serves both.
func apiServerFor(gateway string) string {
	u, err := url.Parse(gateway)
	if err != nil {
		return ""
	}
	if transport.Loopback(u.Hostname()) {
		return gateway
	}
	if rest, found := strings.CutPrefix(u.Host, "gateway."); found && u.Port() == "" && u.Path == "" {
		return "https://qualysapi." + rest
	}
	return ""
}

// normalise stores what ResolveEndpoint makes of the settings: addresses that
// were put right, and platforms by their short names.
func normalise(settings map[string]string) {
	at, err := ResolveEndpoint(source.Connection{Settings: settings})
	if err != nil {
		return
	}
	for field, value := range map[string]string{FieldBaseURL: at.Gateway, FieldPlatform: at.Platform, FieldAPIServer: at.API} {
		if settings[field] != "" {
			settings[field] = value
		}
	}
	if name := settings[FieldSubscription]; name != "" {
		settings[FieldSubscription] = strings.TrimSpace(name)
	}
}

// Where names the connector's platform, or its gateway, to a person.
func (c *Client) Where() string { return c.Endpoint.where() }

// where names the gateway to a person.
func (e Endpoint) where() string { return e.named(e.Gateway) }

// whereAPI names the API server to a person.
func (e Endpoint) whereAPI() string { return e.named(e.API) }

func (e Endpoint) named(server string) string {
	if e.Platform == "" {
		return server
	}
	return "platform " + e.Platform + " (" + server + ")"
}
