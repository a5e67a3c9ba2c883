package qualys

import (
	_ "embed"
	"fmt"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Platform is one of Qualys's shared clouds. A subscription lives on
// exactly one of them.
type Platform struct {
	Name    string `yaml:"name"`    // "US1"
	Title   string `yaml:"title"`   // "US Platform 1"
	API     string `yaml:"api"`     // API server (VM, WAS); empty when not published
	Gateway string `yaml:"gateway"` // gateway (TAS, ETM and the like)
}

// portal is the host that people log in at; empty when it is not known.
func (p Platform) portal() string {
	if p.API == "" {
		return ""
	}
	return "qualysguard" + strings.TrimPrefix(hostOf(p.API), "qualysapi")
}

// hostOf is the host name in a URL of the table.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err) // the table is part of the program
	}
	return u.Hostname()
}

//go:embed platforms.yaml
var platformsYAML []byte

// Platforms is the table of all known platforms.
var Platforms = func() []Platform {
	var all []Platform
	if err := yaml.Unmarshal(platformsYAML, &all); err != nil {
		panic(err) // the file is part of the program
	}
	return all
}()

// FindPlatform finds a platform by its short or long name, in any case.
func FindPlatform(name string) (Platform, bool) {
	for _, p := range Platforms {
		if plain(p.Name) == plain(name) || plain(p.Title) == plain(name) {
			return p, true
		}
	}
	return Platform{}, false
}

func platformNames() []string {
	var names []string
	for _, p := range Platforms {
		names = append(names, p.Name)
	}
	return names
}

// plain makes "US Platform 1", "us-platform-1" and "USPLATFORM1" equal.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '_' {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// gatewayFor finds out whether a URL is the API server or the portal of some
// platform, where the gateway is meant. Such a URL is put right: for known
// platforms by the table, and for private clouds, whose hosts are
// qualysapi.<base> and, inferred from it, gateway.<base>, where it has no port
// or path of its own.
func gatewayFor(base string) (gateway, note string, err error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", "", err
	}
	host := u.Hostname()
	for _, p := range Platforms {
		if p.API != "" && (host == hostOf(p.API) || host == p.portal()) {
			return p.Gateway, fmt.Sprintf("%s is not the gateway of %s; %s is used instead", host, p.Name, p.Gateway), nil
		}
	}
	for _, prefix := range []string{"qualysapi.", "qualysguard."} {
		rest, found := strings.CutPrefix(host, prefix)
		if !found {
			continue
		}
		gateway := "https://gateway." + rest
		if u.Port() != "" || u.Path != "" {
			return "", "", fmt.Errorf("%s is an API server or portal; the gateway of a private cloud is usually %s", host, gateway)
		}
		return gateway, fmt.Sprintf("%s is an API server or portal; the gateway of a private cloud, %s, is used instead", host, gateway), nil
	}
	return base, "", nil
}
