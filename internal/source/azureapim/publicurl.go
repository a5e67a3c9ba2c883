package azureapim

import (
	"net/url"
	"slices"
	"strings"
)

// publicURL is where callers reach an API (inferred from the documentation of
// its fields): the gateway, the API's path, its version as the version set
// says, and the revision if it is not the current one. Empty when that cannot
// be told.
func publicURL(a listed, properties, service, versionSet object) string {
	host := gatewayHost(service)
	if host == "" {
		return ""
	}
	u := url.URL{Scheme: scheme(properties.texts("protocols")), Host: host, Path: "/" + strings.Trim(properties.text("path"), "/")}
	if version := properties.text("apiVersion"); version != "" && properties.text("apiVersionSetId") != "" {
		switch strings.ToLower(versionSet.text("versioningScheme")) {
		case "segment":
			u.Path = strings.TrimRight(u.Path, "/") + "/" + version
		case "query":
			u.RawQuery = url.Values{versionSet.text("versionQueryName"): {version}}.Encode()
		case "header": // the same for all versions
		default:
			return ""
		}
	}
	if revision := properties.text("apiRevision"); !a.current && revision != "" {
		u.Path += ";rev=" + revision
	}
	return u.String()
}

// scheme is the safest of an API's protocols.
func scheme(protocols []string) string {
	for _, p := range []string{"https", "wss", "http", "ws"} {
		if slices.ContainsFunc(protocols, func(s string) bool { return strings.EqualFold(s, p) }) {
			return p
		}
	}
	return "https"
}

// gatewayHost is the host that callers know: one of the service's own domains
// if it has any, and of those the default one.
func gatewayHost(service object) string {
	gateway := ""
	if u, err := url.Parse(service.text("gatewayUrl")); err == nil {
		gateway = strings.ToLower(u.Host)
	}
	own := ""
	for _, h := range service.objects("hostnameConfigurations") {
		name := strings.ToLower(h.text("hostName"))
		if !strings.EqualFold(h.text("type"), "Proxy") || name == "" || name == gateway || !isHost(name) {
			continue
		}
		if isDefault, _ := h.flag("defaultSslBinding"); own == "" || isDefault {
			own = name
		}
	}
	if own != "" {
		return own
	}
	return gateway
}

func isHost(name string) bool {
	u, err := url.Parse("https://" + name)
	return err == nil && u.Host == name && u.Path == ""
}
