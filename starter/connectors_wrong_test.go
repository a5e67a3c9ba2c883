package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/governor"
	"sluice/internal/schedule"
)

func TestEveryWrongFieldOfAConnectorHasOneClearError(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	folder := t.TempDir()
	noPEM, binary, empty := filepath.Join(folder, "text"), filepath.Join(folder, "binary"), filepath.Join(folder, "empty")
	require.NoError(t, os.WriteFile(noPEM, []byte("just a text"), 0o600))
	require.NoError(t, os.WriteFile(binary, []byte("\x30\x82\xff\x00"), 0o600))
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for _, wrong := range []struct {
		flags string
		code  int
		says  string
	}{
		{"--platform US9", exitFailure, `platform "US9" is not known; did you mean US1? (known: US1, `},
		{"--platform US1 --base-url https://gateway.qg2.apps.qualys.eu", exitFailure, `does not belong to platform US1, whose gateway is https://gateway.qg1.apps.qualys.com (give only one of the two); give it by --base-url`},
		{"--base-url ftp://example.com", exitFailure, `does not begin with https://`},
		{"--base-url http://example.com", exitFailure, `is plain http, which would send the credentials in clear`},
		{"--platform EU1 --page-size 0", exitFailure, `pageSize "0" is not a number from 1 to 1000 (leave it out for pages of 1000); give it by --page-size`},
		{"--platform EU1 --dialect rest", exitFailure, `dialect "rest" is not known`},
		{"--platform EU1 --authentication oath", exitFailure, `authentication "oath" is not known`},
		{"--platform EU1 --username u", exitFailure, `password is missing: give it by --password-file`},
		{"--platform EU1 --password-ref env:HOME", exitFailure, `username is missing`},
		{"--platform EU1 --proxy-url proxy:3128", exitFailure, `proxyURL does not begin with http://, https:// or socks5://`},
		{"--platform EU1 --proxy-url http://u:hunter2@proxy:3128", exitFailure, `proxyURL contains a user name or password (give them as proxyUsername and proxyPassword, where they are kept secret); give it by --proxy-url`},
		{"--platform EU1 --proxy-username u", exitFailure, `proxyUsername is given and proxyURL is not`},
		{"--platform EU1 --proxy-url http://proxy:3128 --proxy-username u", exitFailure, `proxyPassword is missing: give it by --proxy-password-file, in the environment variable SLUICE_PROXY_PASSWORD, or by --proxy-password-ref`},
		{"--platform EU1 --ca-bundle-file " + noPEM, exitFailure, `caBundle has no certificate in PEM`},
		{"--platform EU1 --ca-bundle-file " + binary, exitFailure, `caBundle: ` + binary + ` is not a text: give it in PEM`},
		{"--platform EU1 --ca-bundle-file " + empty, exitFailure, `caBundle: ` + empty + ` is empty`},
		{"--platform EU1 --ca-bundle-file nowhere", exitFailure, `read caBundle: open nowhere: no such file or directory`},
		{"--platform EU1 --ca-bundle x", exitUsage, `--ca-bundle does not exist: it is a text of several lines, given by --ca-bundle-file`},
		{"--platform EU1 --tls-certificate-file " + noPEM, exitFailure, `tlsCertificate has no certificate`},
		{"--platform EU1 --tls-server-name a/b", exitFailure, `tlsServerName is no host name`},
		{"--platform EU1 --ip-restricted maybe", exitFailure, `ipRestricted is neither true nor false`},
		{"--platform EU1 --reserve-percent 95", exitFailure, `reservePercent "95" is not a whole number from 0 to 90 (leave it out for 10); give it by --reserve-percent`},
		{"--platform EU1 --pool EMEA!", exitFailure, `pool "EMEA!" is no name of a worker pool`},
		{"--platform EU1 --retest 1m", exitUsage, `--retest: "1m" is no time between tests: give 5m to 30d, such as 6h; empty ends them`},
		{"--platform EU1 --retest often", exitUsage, `--retest: "often" is no time between tests`},
		{"--platform EU1 --test --application WASS", exitFailure, `Qualys has no application "WASS"; did you mean WAS? (known: `},
		{"--platform EU1 --test --application WAS --all", exitUsage, `--all tests every application: leave --application and --kind out`},
		{"--platform EU1 --all", exitUsage, `--all, --application and --kind say what is tested: add --test`},
		{"--platform EU1 --test --kind azure-apim", exitFailure, `kind azure-apim is not one of Qualys`},
		{"--tenant-id a_b", exitFailure, `tenantId "a_b" is neither an id nor a domain of a tenant`},
		{"--tenant-id t --cloud mars", exitFailure, `cloud "mars" is not known`},
		{"--tenant-id t --client-certificate-file " + noPEM, exitFailure, `clientCertificate and clientSecret are both given`},
	} {
		t.Run(wrong.flags, func(t *testing.T) {
			args := append(strings.Fields("connectors create x --client-id y --client-secret-ref env:HOME"), strings.Fields(wrong.flags)...)
			r := h.runWith(t.Context(), environment{"HOME": "somewhere"}, strings.NewReader(""), args...)
			require.Equal(t, wrong.code, r.code, r.err)
			require.Empty(t, r.out)
			require.NotContains(t, r.err, "hunter2")
			require.Contains(t, strings.SplitN(r.err, "\n", 2)[0], wrong.says)
			require.True(t, strings.HasPrefix(r.err, "sluice: "), r.err)
		})
	}
	require.Empty(t, okJSON[[]connectorView](h, "connectors", "list"), "something wrong was written")
}

func TestWhatIsSpecialAboutAConnectorsNetworkIsSeen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	args := strings.Fields("connectors create x --platform EU1 --client-id y --client-secret-ref env:X --pool emea --proxy-url http://proxy:3128 --ip-restricted true --reserve-percent 50")
	created := h.run(args...)
	require.Zero(t, created.code, created.err)
	for _, r := range []result{created, h.run("connectors", "list"), h.run("connectors", "show", "x")} {
		require.Contains(t, r.err, "WARNING: ipRestricted is on")
	}
	for _, out := range []string{h.ok("connectors", "list"), h.ok("connectors", "show", "x")} {
		require.Contains(t, out, "CERTIFICATE NOT CHECKED (ipRestricted), worker pool emea,")
	}
	require.Contains(t, h.ok("connectors", "show", "x"), "proxy http://proxy:3128")
	require.Contains(t, okJSON[connectorView](h, "connectors", "show", "x").Warning, "ipRestricted is on")

	exported := h.ok("export")
	for _, line := range []string{"pool: emea\n", "proxyURL: http://proxy:3128\n", "reservePercent: \"50\"\n", "ipRestricted: \"true\"\n"} {
		require.Contains(t, exported, line)
	}
	require.Contains(t, h.applyOK(exported), "nothing changed")
	h.ok("connectors", "update", "x", "--ip-restricted", "", "--pool", "", "--proxy-url", "")
	list := h.run("connectors", "list")
	require.Empty(t, list.err)
	require.NotContains(t, list.out, "NETWORK")
}

func TestCertificatesAreGivenByAFileAndShownShort(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	bundle := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, []byte(bundle), 0o600))
	h.ok(append(strings.Fields("connectors create x --platform EU1 --client-id y --client-secret-ref env:X --ca-bundle-file"), file)...)

	require.Equal(t, bundle, okJSON[connectorView](h, "connectors", "show", "x").Settings["caBundle"])
	shown := h.ok("connectors", "show", "x")
	require.Contains(t, shown, "caBundle=1 certificate (SHA-256 ")
	require.NotContains(t, shown, "BEGIN CERTIFICATE")
	exported := h.ok("export")
	require.Contains(t, exported, "caBundle: |\n    -----BEGIN CERTIFICATE-----\n")
	require.Contains(t, h.applyOK(exported), "nothing changed")
	change := h.applyOK(strings.Replace(exported, "  platform", "  pageSize: 10\n  platform", 1))
	require.NotContains(t, change, "caBundle")
	h.ok("connectors", "update", "x", "--ca-bundle-file", "")
	require.NotContains(t, okJSON[connectorView](h, "connectors", "show", "x").Settings, "caBundle")
	require.Contains(t, h.applyOK(exported), "settings.caBundle: none -> 1 certificate (SHA-256 ")
}

func TestLimitsAreShownWithWhatIsUsedOfThem(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	_, connector := h.withConnector(hosts)
	h.ok("connectors", "test", connector, "--application", "VMDR")
	list := okJSON[[]limitView](h, "connectors", "limits", connector)
	used := make(map[string]int)
	for _, s := range list {
		used[s.API] = s.Used
	}
	require.Contains(t, used, "fo/asset/host/vm/detection")
	require.Positive(t, used["fo/asset/host/vm/detection"])
	table := h.ok("connectors", "limits", connector)
	require.Regexp(t, `API +LIMIT +MAY USE +USED`, table)
	require.Regexp(t, `fo/asset/host/vm/detection +\d+ calls in .*, 2 at the same time`, table)
}

func TestLimitsAreSaidInWords(t *testing.T) {
	t.Parallel()
	require.Equal(t, "300 calls in 1h, 2 at the same time", limitText(300, schedule.Duration(time.Hour), 2))
	require.Equal(t, "40 calls in a time that is not told", limitText(40, 0, 0))
	require.Empty(t, limitText(0, 0, 0))
	text, err := json.Marshal(limitView{governor.Status{API: "x", Window: time.Hour}, schedule.Duration(time.Hour)})
	require.NoError(t, err)
	require.Contains(t, string(text), `"window":"1h"`)
	require.NotContains(t, string(text), "3600")
}

func TestWhoUsesLimitsIsSaid(t *testing.T) {
	t.Parallel()
	at := time.Date(2027, 1, 1, 12, 0, 0, 0, time.Local)
	var out bytes.Buffer
	a := &app{process: process{out: &out}, output: formatTable}
	a.sayUsers(governor.Status{
		API: "was/search/finding", At: at, MayRun: 1, Lowered: at, Blocked: at.Add(time.Minute), Why: "too many\x1b",
		Running: []governor.Running{{Who: "run 7 of shop", Worker: "w1", Since: at}}, Waiting: []governor.Waiting{{Who: "run 8 of web", Worker: "w2", Since: at}},
	})
	require.Equal(t, `was/search/finding: run 7 of shop is calling since 2027-01-01 12:00:00 (worker w1)
was/search/finding: run 8 of web waits since 2027-01-01 12:00:00 (worker w2)
was/search/finding: the vendor asks for no call before 2027-01-01 12:01:00: too many\x1b
was/search/finding: the vendor refused more than 1 at the same time, at 2027-01-01 12:00:00
`, out.String())
}

func TestWhatNoCallWasMadeOfHasNoKnownLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok(strings.Fields("connectors create x --platform EU1 --client-id y --client-secret-ref env:X")...)
	r := h.run("connectors", "limits", "x")
	require.Zero(t, r.code)
	require.Contains(t, r.err, "no limits are known yet")
	require.JSONEq(t, "[]", h.ok("connectors", "limits", "x", "--output", "json"))
	require.Contains(t, h.run("connectors", "limits", "y").err, `unknown connector "y"`)
}
