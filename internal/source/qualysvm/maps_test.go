package qualysvm_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/qualys/fo"
	"sluice/internal/source"
	"sluice/internal/source/qualysvm"
	"sluice/internal/transform"
	"sluice/schema"
)

func TestEveryStreamHasAModelAndADefaultMap(t *testing.T) {
	t.Parallel()
	for _, s := range qualysvm.New(pages).AssetTypes() {
		require.NotNil(t, models().Get(s.Model), s.Model)
		m := defaultMap(t, s.Map)
		require.Equal(t, s.Model, m.Source)
		require.Equal(t, s.Class, m.AssetClass)
	}
}

func TestTheDefaultMapsTakeACompleteRecord(t *testing.T) {
	t.Parallel()
	host, rejects := compile(t, "qualys-vm-host").NewApplier().Apply(record(t, "hosts.xml", qualysvm.Host))
	require.Empty(t, rejects)
	require.Equal(t, "107800671", host.ExternalID)
	require.Equal(t, "web1.example.com", host.Name)
	require.Equal(t, "10.50.2.111", host.IPAddress)
	require.Equal(t, "Ubuntu Linux 24.04", host.OperatingSystem)
	require.Equal(t, time.Date(2026, 5, 2, 9, 58, 12, 0, time.UTC), host.LastScannedAt)
	require.False(t, host.FindingsListed)
	require.JSONEq(t, `{
		"assetId": "64318273", "ipv6": "2001:db8::111", "netbios": "WEB1", "trackingMethod": "IP", "networkId": "0",
		"qualysHostId": "2e689bb2-53ab-4a58-be0a-a7576964f310",
		"tags": [{"TAG_ID": "8832525", "NAME": "Data center"}, {"TAG_ID": "8832525", "NAME": "Data center"}],
		"assetGroupIds": "4211,4212", "owner": "exmpl_jd", "agentStatus": "Active", "cloudProvider": "AWS", "cloudService": "EC2",
		"cloudResourceId": "i-0a1b2c3d4e5f60718", "ec2InstanceId": "i-0a1b2c3d4e5f60718",
		"criticality": 4, "truRiskScore": 634, "assetRiskScore": 634
	}`, string(host.Attributes))

	host, rejects = compile(t, "qualys-vm-detection").NewApplier().Apply(record(t, "detections.xml", qualysvm.Detection))
	require.Empty(t, rejects)
	require.Equal(t, "107800671", host.ExternalID)
	require.Equal(t, "web1.example.com", host.DNSName)
	require.Len(t, host.Findings, 1)
	found := host.Findings[0]
	require.Equal(t, "5555555555", found.ExternalID)
	require.EqualValues(t, 197595, found.QID)
	require.Equal(t, "ACTIVE", found.Status)
	require.EqualValues(t, 3, found.Severity)
	require.EqualValues(t, 5393, found.TimesFound)
	require.JSONEq(t, `{
		"type": "Confirmed", "port": 443, "protocol": "tcp", "ssl": true, "fqdn": "web1.example.com", "instance": "Oracle11", "service": "https",
		"qds": 83, "qdsSeverity": "HIGH", "lastFixedAt": "2025-12-14T06:52:57Z", "firstReopenedAt": "2025-06-01T00:00:00Z",
		"lastReopenedAt": "2025-07-01T00:00:00Z", "timesReopened": 2, "ignored": false, "disabled": false,
		"affectsRunningKernel": true, "affectsRunningService": true, "affectsExploitableConfig": true, "assetCve": "CVE-2024-3094"
	}`, string(found.Attributes))

	entry, rejects := compile(t, "qualys-knowledgebase").NewApplier().ApplyVulnerability(record(t, "knowledgebase.xml", fo.KnowledgeBase.Name))
	require.Empty(t, rejects)
	require.EqualValues(t, 197595, entry.QID)
	require.EqualValues(t, 3, entry.Severity)
	require.Contains(t, string(entry.Attributes), `"cvss3":7.8`)
	require.Contains(t, string(entry.Attributes), `"patchable":true`)
	require.Contains(t, string(entry.Attributes), `"ID":"CVE-2024-3094"`)
}

// record is the one record of a document in testdata.
func record(t *testing.T, file, stream string) []byte {
	data, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	vendor := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("details") == "None" {
			_, _ = io.WriteString(w, noHosts)
			return
		}
		_, _ = w.Write(data)
	})
	out := read(t, openAs(t, vendor, pages, "exmpl_jd", "password", nil), source.Request{AssetType: stream})
	require.NoError(t, out.err)
	require.Len(t, out.records, 1)
	return []byte(out.records[0])
}

func compile(t *testing.T, name string) *transform.Program {
	t.Helper()
	program, err := transform.Compile(defaultMap(t, name), models())
	require.NoError(t, err)
	return program
}

func defaultMap(t *testing.T, name string) *transform.Map {
	t.Helper()
	maps, err := transform.LoadMaps(schema.Maps())
	require.NoError(t, err)
	i := slices.IndexFunc(maps, func(m *transform.Map) bool { return m.Name == name })
	require.GreaterOrEqual(t, i, 0, "there is no map %s", name)
	return maps[i]
}
