package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
)

func TestWrongInputIsExplainedInOneLine(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, connector := h.withConnector(smallEstate)
	h.ok("profiles", "create", "later", "--connector", connector, "--kind", "qualys-tas", "--status", "inactive")
	require.Contains(t, h.ok("status", "later"), "it is inactive: 'SLUICE_HOME=")

	for _, wrong := range []struct {
		line string
		code int
		says string // CONNECTOR stands for the connector's name
	}{
		{"statsu", exitUsage, `'sluice' has no command "statsu"; did you mean status?`},
		{"connectors creat x", exitUsage, `'sluice connectors' has no command "creat"; did you mean create? (known: create, delete, disable, enable, limits, list, logs, rename, rotate-secret, show, test, tests, update)`},
		{"connectors show", exitUsage, `'sluice connectors show' needs a connector name`},
		{"connectors show a b", exitUsage, `'sluice connectors show' takes one connector name, but was given 2 arguments`},
		{"status a b", exitUsage, `'sluice status' takes at most one profile name, but was given 2 arguments`},
		{"connectors list x", exitUsage, `'sluice connectors list' takes no argument, but was given "x"`},
		{"connectors list --bogus", exitUsage, `unknown flag: --bogus`},
		{"status --output xml", exitUsage, `--output "xml" is not known (known: table, json, ndjson, csv)`},
		{"status --log-level loud", exitUsage, `--log-level "loud" is not known (known: debug, info, warn, error)`},
		{"connectors create x --platform US1 --client-id y --client-secret-ref env:HOME --client-secret-file f", exitUsage, `--client-secret-file seals the secret, --client-secret-ref leaves it where it is: give only one of them`},
		{"connectors create x", exitUsage, `it is not clear whom the connector talks to: give --provider, one of qualys, azure`},
		{"connectors create x --client-id y --client-secret-ref env:HOME", exitUsage, `it is not clear whom the connector talks to: give --provider, one of qualys, azure`},
		{"connectors create x --platform US1 --tenant-id t", exitUsage, `no provider has all of the settings given: leave some out, or say by --provider whom the connector talks to: qualys, azure or file`},
		{"connectors create x --provider azure --platform US1", exitUsage, `--platform is not a setting of provider azure`},
		{"connectors create x --provider azure --tenant-id t --password-ref env:HOME", exitUsage, `--password is not a setting of provider azure`},
		{"connectors create x --provider qualys", exitFailure, `baseURL and platform are both missing`},
		{"connectors create x --provider azure", exitFailure, `tenantId is missing`},
		{"connectors create x --tenant-id t", exitFailure, `clientId is missing`},
		{"connectors create x --tenant-id t --client-id y", exitFailure, `clientSecret is missing: give it by --client-secret-file, in the environment variable SLUICE_CLIENT_SECRET, or by --client-secret-ref`},
		{"connectors create x --platform US1", exitFailure, `clientId and clientSecret are missing, and so are username and password`},
		{"connectors create x --platform US1 --client-id y", exitFailure, `clientSecret is missing: give it by --client-secret-file, in the environment variable SLUICE_CLIENT_SECRET, or by --client-secret-ref`},
		{"connectors create x --platform US1 --client-secret-ref env:HOME", exitFailure, `clientId is missing`},
		{"connectors create x --platform US1 --username y", exitFailure, `password is missing: give it by --password-file, in the environment variable SLUICE_PASSWORD, or by --password-ref`},
		{"connectors create x --platform US1 --password-ref env:HOME", exitFailure, `username is missing`},
		{"connectors create x --platform US1 --client-id y --client-secret-ref env:HOME --authentication basic", exitFailure, `authentication is basic, and username and password are missing`},
		{"connectors create x --platform US1 --client-id y --client-secret-ref env:HOME --authentication kerberos", exitFailure, `authentication "kerberos" is not known`},
		{"connectors create x --platform US1 --client-id y --password hunter2", exitUsage, `--password does not exist: what is given as an argument can be read by others; use --password-file or the environment variable SLUICE_PASSWORD`},
		{"connectors create x --platform US1 --client-id y --client-secret-ref env:HOME --kind qualys-was", exitUsage, `--all, --application and --kind say what is tested: add --test`},
		{"connectors test CONNECTOR --kind qualys-wsa", exitFailure, `unknown kind "qualys-wsa"; did you mean qualys-was?`},
		{"connectors create x --client-id y --provider qualis", exitFailure, `unknown provider "qualis"; did you mean qualys? (known: qualys, azure, file)`},
		{"connectors create x --client-id y --client-secret-ref env:HOME --platform US9", exitFailure, `platform "US9" is not known; did you mean US1?`},
		{"connectors create x --provider qualys --client-id y --client-secret-ref env:HOME", exitFailure, `baseURL and platform are both missing`},
		{"profiles create p", exitUsage, `--connector is missing: the connector to bring in from`},
		{"profiles create p --connector CONNECTOR", exitUsage, `--kind is missing: qualys-tas, `},
		{"profiles create P --connector CONNECTOR --kind qualys-tas", exitFailure, `profile name "P" cannot be used: at most 63 small letters, digits, '.', '_' and '-', beginning with a letter or digit`},
		{"profiles create p --connector CONNECTORR --kind qualys-tas", exitFailure, `unknown connector "CONNECTORR"; did you mean CONNECTOR? (known: CONNECTOR)`},
		{"profiles create p --connector CONNECTOR --kind azure-apim", exitFailure, `connector CONNECTOR`},
		{"profiles create p --connector CONNECTOR --kind qualys-taz", exitFailure, `unknown kind "qualys-taz"; did you mean qualys-tas? (known: qualys-tas, `},
		{"profiles create p --connector CONNECTOR --kind qualys-tas --asset-types APLICATION", exitFailure, `unknown asset type "APLICATION" of kind qualys-tas; did you mean APPLICATION? (known: APPLICATION, APICOLLECTION)`},
		{"profiles create p --connector CONNECTOR --kind qualys-tas --filter tags=prod", exitUsage, `kind qualys-tas has no filters: it reads everything that the account sees`},
		{"profiles create p --connector CONNECTOR --kind qualys-was --filter severity=4", exitUsage, `kind qualys-was has no filter "severity"; did you mean severities? (known: `},
		{"profiles create p --connector CONNECTOR --kind qualys-was --filter severities=high", exitUsage, `filter severities: `},
		{"profiles create p --connector CONNECTOR --kind qualys-was --filter severities", exitUsage, `--filter "severities" has no name and values: give name=value,value`},
		{"profiles create p --connector CONNECTOR --kind qualys-was --filter severities=4,,5", exitUsage, `--filter severities: there is nothing between two commas`},
		{"profiles create p --connector CONNECTOR --kind qualys-was --filter severities=4 --filter severities=5", exitUsage, `--filter severities is given twice: give all its values at once, with commas between`},
		{"profiles create p --connector CONNECTOR --kind qualys-was --filter severity=", exitUsage, `kind qualys-was has no filter "severity"; did you mean severities? (known: `},
		{"profiles update later --filter tags=prod", exitUsage, `update profile later: kind qualys-tas has no filters: it reads everything that the account sees`},
		{"kinds show qualys-wsa", exitFailure, `unknown kind "qualys-wsa"; did you mean qualys-was?`},
		{"knowledge show x", exitUsage, `"x" is no QID`},
		{"knowledge show 7", exitFailure, `QID 7: not in the inventory`},
		{"knowledge list --severity 6", exitUsage, `invalid argument "6" for "--severity" flag: give a number, 1 to 5`},
		{"knowledge list --modified-since yesterday", exitUsage, `--modified-since`},
		{"findings list --qid x", exitUsage, `invalid argument "x" for "--qid" flag`},
		{"profiles create p --connector CONNECTOR --kind qualys-tas --status aktive", exitUsage, `--status "aktive" is not known; did you mean active? (known: active, inactive)`},
		{"profiles create p --connector CONNECTOR --kind qualys-tas --absent-findings gone", exitUsage, `--absent-findings "gone" is not known (known: fixed, preserve)`},
		{"profiles create p --connector CONNECTOR --kind qualys-tas --full-every 90m", exitUsage, `invalid argument "90m" for "--full-every" flag: give whole hours or days, 1h to 365d`},
		{"profiles create p --connector CONNECTOR --kind qualys-tas --full-every weekly", exitUsage, `invalid argument "weekly" for "--full-every" flag: give hours or days, such as 36h or 7d`},
		{"profiles create p --connector CONNECTOR --kind qualys-tas --shrink-limit 101", exitUsage, `--shrink-limit 101 cannot be used: give a percentage, 0 to 100`},
		{"profiles create p --connector CONNECTOR --kind qualys-tas --retire-after -1", exitUsage, `--retire-after -1 cannot be used: give 0 or more`},
		{"profiles create later --connector CONNECTOR --kind qualys-tas --force", exitFailure, `there is a profile "later" already: choose another name, or delete it first`},
		{"profiles show latr", exitFailure, `unknown profile "latr"; did you mean later? (known: later)`},
		{"run latr", exitFailure, `unknown profile "latr"; did you mean later? (known: later)`},
		{"run later", exitFailure, `profile later is inactive: '`},
		{"run later --mode ful", exitUsage, `--mode "ful" is not known; did you mean full? (known: auto, full, delta)`},
		{"runs show 99", exitFailure, `run 99: not found: 'sluice runs list' shows the runs`},
		{"runs show abc", exitUsage, `"abc" is not the number of a run: 'sluice runs list' shows them`},
		{"runs cancel later", exitFailure, `no run of later is under way: there is nothing to cancel`},
		{"runs list --profile latr", exitFailure, `unknown profile "latr"; did you mean later? (known: later)`},
		{"runs list --limit 0", exitUsage, `--limit 0 is out of range: give 1 to 10000`},
		{"assets list --class aplication", exitFailure, `unknown asset class "aplication"; did you mean application? (known: application, apiCollection, host, api)`},
		{"assets list --status gone", exitUsage, `--status "gone" is not known (known: active, stale, retired)`},
		{"assets list --kind qualys-taz", exitFailure, `unknown kind "qualys-taz"; did you mean qualys-tas? (known: qualys-tas, `},
		{"assets list --connector nobody", exitFailure, `unknown connector "nobody" (known: CONNECTOR)`},
		{"assets show 7", exitFailure, `asset 7: not in the inventory: 'sluice assets list' shows what there is`},
		{"assets show seven", exitUsage, `"seven" is no id: the list shows ids in its first column`},
		{"findings list --severity 6", exitUsage, `invalid argument "6" for "--severity" flag: give a number, 1 to 5`},
		{"findings list --severity high", exitUsage, `invalid argument "high" for "--severity" flag: give a number, 1 to 5`},
		{"apis list --type", exitUsage, `flag needs an argument: --type`},
		{"apis list --status gone", exitUsage, `--status "gone" is not known (known: active, stale, retired)`},
		{"apis list --ready=perhaps", exitUsage, `invalid argument "perhaps" for "--ready" flag`},
		{"apis show 7", exitFailure, `api 7: not in the inventory: 'sluice apis list' shows what there is`},
		{"apis endpoints seven", exitUsage, `"seven" is no id: the list shows ids in its first column`},
		{"apis spec 7", exitFailure, `api 7: not in the inventory: 'sluice apis list' shows what there is`},
		{"apis spec 7 --output table", exitUsage, `--output "table" is not known (known: raw, json)`},
		{"apis spec 7 --force", exitUsage, `--force is about a file that is there: say which with --save`},
		{"apis spec 7 --output json --save f", exitUsage, `--save writes the document as it is: leave --output out`},
		{"findings list --asset 7", exitFailure, `asset 7: not in the inventory: 'sluice assets list' shows what there is`},
		{"simulate --dialect rest", exitFailure, `simulator: unknown dialect "rest": use "qps" or "gateway"`},
		{"simulate azure --listen 0.0.0.0:8601", exitFailure, `simulator: will not listen on "0.0.0.0"`},
		{"simulate azure --services 1 --subscriptions 0", exitFailure, `simulator: there are 1 services, but no subscription to have them`},
		{"simulate azure --dialect qps", exitUsage, `unknown flag: --dialect`},
		{"simulate --listen 0.0.0.0:8600", exitFailure, `simulator: will not listen on "0.0.0.0"`},
	} {
		t.Run(wrong.line, func(t *testing.T) {
			r := h.runWith(t.Context(), environment{"HOME": "somewhere"}, strings.NewReader(""),
				strings.Fields(strings.ReplaceAll(wrong.line, "CONNECTOR", connector))...)
			require.Equal(t, wrong.code, r.code, r.err)
			require.Empty(t, r.out)
			lines := strings.Split(strings.TrimSuffix(r.err, "\n"), "\n")
			require.True(t, strings.HasPrefix(lines[0], "sluice: "+strings.ReplaceAll(wrong.says, "CONNECTOR", connector)), lines[0])
			if wrong.code == exitUsage {
				require.Len(t, lines, 2)
				require.Regexp(t, `^See 'sluice.* --help'\.$`, lines[1])
			} else {
				require.Len(t, lines, 1)
			}
		})
	}
	require.Len(t, okJSON[[]catalog.Profile](h, "profiles", "list"), 1, "something wrong was written")
	require.Len(t, okJSON[[]connectorView](h, "connectors", "list"), 1, "something wrong was written")
}

func TestWhatIsNotThereIsSaidWithTheAddressTriedAndWhatToSet(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const nowhere = "postgres://someone:topsecret@127.0.0.1:1/sluice"
	for _, trouble := range []struct {
		what string
		env  environment
		line string
		says string
	}{
		{"no database", environment{"SLUICE_DATABASE_URL": ""}, "connectors list",
			"it is not known where the database is: start 'sluice dev' (nothing runs in " + h.env["SLUICE_HOME"] + "), or set SLUICE_DATABASE_URL\n"},
		{"an unreachable database", environment{"SLUICE_DATABASE_URL": nowhere}, "connectors list",
			"PostgreSQL at postgres://127.0.0.1:1/sluice cannot be used: "},
		{"an unreachable database to migrate", environment{"SLUICE_DATABASE_URL": nowhere}, "migrate",
			"PostgreSQL at postgres://127.0.0.1:1/sluice cannot be used: "},
		{"no Temporal", environment{"TEMPORAL_ADDRESS": ""}, "status",
			"it is not known where Temporal is: start 'sluice dev', or set TEMPORAL_ADDRESS (such as localhost:7233)\n"},
		{"an unreachable Temporal", environment{"TEMPORAL_ADDRESS": "127.0.0.1:1"}, "status",
			"no Temporal service can be used at 127.0.0.1:1: check TEMPORAL_ADDRESS, and that the service runs ("},
		{"a wrong setting", environment{"SLUICE_BATCH_PAGES": "many"}, "status",
			`SLUICE_BATCH_PAGES is "many": it must be a whole number above 0` + "\n"},
		{"a log level that is none", environment{"SLUICE_LOG_LEVEL": "loud"}, "status",
			`SLUICE_LOG_LEVEL is "loud": use debug, info, warn or error` + "\n"},
	} {
		t.Run(trouble.what, func(t *testing.T) {
			t.Parallel()
			r := h.runWith(t.Context(), trouble.env, strings.NewReader(""), trouble.line)
			if strings.Contains(trouble.line, " ") {
				r = h.runWith(t.Context(), trouble.env, strings.NewReader(""), strings.Fields(trouble.line)...)
			}
			require.Equal(t, exitFailure, r.code)
			require.True(t, strings.HasPrefix(r.err, "sluice: "+trouble.says), r.err)
			require.Equal(t, 1, strings.Count(r.err, "\n"), r.err)
			require.NotContains(t, r.err, "topsecret")
		})
	}
}

func TestADatabaseWithoutTablesSaysHowToMakeThem(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.open().Pool().Exec(t.Context(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
	require.NoError(t, err)
	require.Equal(t, "sluice: the database has no Sluice tables yet: run 'sluice migrate' first\n", h.run("connectors", "list").err)
	require.Contains(t, h.ok("migrate"), "the database is up to date")
	require.Equal(t, "the database is up to date\n", h.ok("migrate"))
	require.JSONEq(t, `{"applied": 0, "byHand": ""}`, h.ok("migrate", "--output", "json"))
	require.Empty(t, h.ok("connectors", "list"))
}

func TestEveryCommandIsExplainedWithAnExample(t *testing.T) {
	t.Parallel()
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		require.NotEmpty(t, c.Short, c.CommandPath())
		if c.Runnable() {
			require.Contains(t, c.Example, c.CommandPath(), "the example of %s", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(&app{process: process{env: environment{}}}))
}

func TestTheEnvironmentIsExplained(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	help := h.ok("help", "environment")
	for _, name := range []string{"SLUICE_DATABASE_URL", "SLUICE_MASTER_KEY_FILE", "TEMPORAL_ADDRESS"} {
		require.Contains(t, help, name)
	}
}
