package workflows_test

import (
	"encoding/base64"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/testenv"
	"sluice/workflows"
)

// A secret of the connector must be nowhere but sealed in the database: not
// in Temporal's histories, not in a worker's log, arguments or errors.
func TestNoSecretIsToBeFound(t *testing.T) {
	t.Parallel()
	const secret = "pl4nted+Secret/with=signs"
	config := estate
	config.Credentials.ClientSecret = secret
	config.Faults = []simulator.Fault{
		{Kind: "revoke-tokens", Call: 3},
		{Kind: "http-error", Status: 500, Call: 5},
		{Kind: "throttle", RetryAfter: 3, Call: 9},
		{Kind: "error-body", Code: "INVALID_CREDENTIALS", Endpoint: "api-collections", Call: 2},
	}
	s := newStage(t, setup{estate: config, noWorker: true, temporal: testenv.Temporal(t)})
	worker := s.startWorker("SLUICE_LOG_LEVEL=debug")
	run := s.start(workflows.Input{Profile: s.profile})
	require.NoError(t, run.Get(t.Context(), nil))
	require.NoError(t, s.sim.SetFaults(simulator.Fault{Kind: "revoke-tokens"}))
	refused := s.start(workflows.Input{Profile: s.profile, Mode: "full"})
	require.Error(t, refused.Get(t.Context(), nil))

	log, err := os.ReadFile(s.workerLog)
	require.NoError(t, err)
	arguments, err := os.ReadFile("/proc/" + strconv.Itoa(worker.Process.Pid) + "/cmdline")
	require.NoError(t, err)
	for place, text := range map[string]string{
		"a history":       string(s.history(run)) + string(s.history(refused)) + refused.Get(t.Context(), nil).Error(),
		"the log":         string(log),
		"the arguments":   string(arguments),
		"the database":    s.dump(),
		"a decoded event": decoded(string(s.history(run)) + string(s.history(refused))),
	} {
		require.NotEmpty(t, text)
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), url.QueryEscape(secret)} {
			require.False(t, strings.Contains(text, form), "the secret is in %s", place)
		}
		require.False(t, strings.Contains(text, "eyJhbGciOi"), "a token is in %s", place)
	}
	require.Contains(t, s.dump(), "sealed:v2:", "the dump has what is stored")
}

// dump returns every row of every table as text.
func (s *stage) dump() string {
	rows, err := s.store.Pool().Query(s.t.Context(), "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'chunks'")
	require.NoError(s.t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s.t, err)
	var b strings.Builder
	for _, table := range tables {
		var text *string
		require.NoError(s.t, s.store.Pool().QueryRow(s.t.Context(), "SELECT string_agg(t::text, E'\\n') FROM "+pgx.Identifier{table}.Sanitize()+" t").Scan(&text))
		if text != nil {
			b.WriteString(*text)
		}
	}
	return b.String()
}

// decoded returns the base64 payloads of a history as text.
func decoded(history string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(history, `"`) {
		if plain, err := base64.StdEncoding.DecodeString(word); err == nil {
			b.Write(plain)
			b.WriteByte('\n')
		}
	}
	return b.String()
}
