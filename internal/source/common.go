package source

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"sluice/internal/fault"
)

// Settings that every connector has, whoever its provider is: how the vendor is
// reached, and how much of its limits may be used. Package transport reads the
// first, this one the rest.
const (
	FieldPool           = "pool"
	FieldProxyURL       = "proxyURL"
	FieldProxyUsername  = "proxyUsername"
	FieldProxyPassword  = "proxyPassword"
	FieldCABundle       = "caBundle"
	FieldTLSServerName  = "tlsServerName"
	FieldTLSCertificate = "tlsCertificate"
	FieldIPRestricted   = "ipRestricted"
	FieldReserve        = "reservePercent"
)

// Elsewhere stands in a Connection for a secret that is there and cannot be read
// where the settings are checked, such as a sealed one: nothing can be said
// about it.
const Elsewhere = "kept-elsewhere"

// CommonFields lists them.
func CommonFields() []Field {
	return []Field{
		{Name: FieldPool, Help: "worker pool that reads from the vendor, where only a machine in another network can reach it: see sluice-worker --pool"},
		{Name: FieldProxyURL, Help: "proxy to the vendor: http://host:3128, https://host or socks5://host:1080"},
		{Name: FieldProxyUsername, Help: "user name at the proxy"},
		{Name: FieldProxyPassword, Secret: true, Help: "password at the proxy"},
		{Name: FieldCABundle, File: true, Help: "certificates, in PEM, of the authorities to trust besides those of the worker's system"},
		{Name: FieldTLSServerName, Help: "name to expect in the vendor's certificate, instead of that of the address"},
		{Name: FieldTLSCertificate, Secret: true, File: true, Help: "client certificate and its private key, in PEM, for where the vendor or a middle machine asks for one"},
		{Name: FieldIPRestricted, Help: "true: do not check the certificate of a vendor whose address is an IP (default false; caBundle and tlsServerName are safer)"},
		{Name: FieldReserve, Help: "percent of the vendor's limits that are left to other tools: 0 to 90 (default 10)"},
	}
}

const (
	// defaultReserve and maxReserve are percents of a vendor's limits.
	defaultReserve = 10
	maxReserve     = 90
	maxPool        = 40
)

// WrongSetting is the error of a setting as Provider.Check wants it: "platform
// is missing", and what to do.
func WrongSetting(field, what, advice string) error {
	return &fault.Error{Class: fault.Refused, Code: "connector-" + field, Message: field + " " + what, Advice: advice}
}

// CheckCommon checks the common settings that no network is needed for. Its
// error names the field, as Provider.Check wants it.
func CheckCommon(c Connection) error {
	if pool := c.Settings[FieldPool]; pool != "" && !poolName.MatchString(pool) {
		return WrongSetting(FieldPool, fmt.Sprintf("%q is no name of a worker pool", fault.Head([]byte(pool))),
			fmt.Sprintf("a name has letters from a to z, digits and dashes, up to %d, and begins with a letter or digit: emea-1", maxPool))
	}
	if given := c.Settings[FieldReserve]; given != "" {
		if percent, err := strconv.Atoi(given); err != nil || percent < 0 || percent > maxReserve {
			return WrongSetting(FieldReserve, fmt.Sprintf("%q is not a whole number from 0 to %d", fault.Head([]byte(given)), maxReserve),
				fmt.Sprintf("leave it out for %d", defaultReserve))
		}
	}
	return nil
}

// poolName is what names of pools look like: they become part of the name of a
// task queue.
var poolName = regexp.MustCompile(fmt.Sprintf(`^[a-z0-9][a-z0-9-]{0,%d}$`, maxPool-1))

// Pool is the worker pool that a connector names; empty: none.
func Pool(c Connection) string { return c.Settings[FieldPool] }

// Reserve is how many percent of the vendor's limits a connector leaves to
// other tools.
func Reserve(c Connection) int {
	percent, err := strconv.Atoi(c.Settings[FieldReserve])
	if err != nil {
		return defaultReserve // nothing else passes CheckCommon
	}
	return min(max(percent, 0), maxReserve)
}

// Warning is what has to be said of a connector's common settings wherever it
// is set up, tested or used; empty when there is nothing.
func Warning(c Connection) string {
	if strings.EqualFold(strings.TrimSpace(c.Settings[FieldIPRestricted]), "true") {
		return WarningIPRestricted
	}
	return ""
}

// WarningIPRestricted says what FieldIPRestricted means.
const WarningIPRestricted = "WARNING: " + FieldIPRestricted + " is on: the certificate of a server given by IP address is NOT checked, " +
	"so that whoever is on the way can read and change everything, credentials too; " + FieldCABundle + " or " + FieldTLSServerName + " are safer"
