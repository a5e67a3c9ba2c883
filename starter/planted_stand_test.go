package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"sluice/internal/simulator"
	"sluice/internal/testenv"
)

// What is planted; leaks says where it turns up.
const (
	plantedSecret   = "pl4nt-client+/=secret~%41&x"
	plantedPassword = `pl4nt-pass"word<&+/=`
	plantedProxy    = "pl4nt:proxy/+@word"
	plantedWrong    = "pl4nt-wr0ng+/=secret"
	plantedWrong2   = "pl4nt-wr0ng+/=proxy"
)

// stand is everything in which something was planted.
type stand struct {
	*house
	secrets sync.Map // what -> secret, some of which the vendor issues
	places  map[string]string
	worker  *exec.Cmd
	echoes  atomic.Int64 // how many calls are yet to be answered by an error that repeats them
}

// plant adds a secret, of several lines by line.
func (s *stand) plant(what, secret string) {
	for i, line := range strings.Split(strings.TrimSpace(secret), "\n") {
		if !strings.HasPrefix(line, "-----") {
			s.secrets.Store(fmt.Sprintf("%s %d", what, i), line)
		}
	}
}

// do runs a command and keeps what it said.
func (s *stand) do(env environment, in string, args ...string) result {
	s.t.Helper()
	r := s.runWith(s.t.Context(), env, strings.NewReader(in), args...)
	s.places["sluice "+strings.Join(args, " ")+fmt.Sprintf(" (%d)", len(s.places))] = r.out + r.err
	return r
}

// must runs a command that has to succeed.
func (s *stand) must(env environment, in string, args ...string) string {
	s.t.Helper()
	r := s.do(env, in, args...)
	require.Zero(s.t, r.code, "sluice %s: %s%s", strings.Join(args, " "), r.out, r.err)
	return r.out
}

// vendor serves a simulator that notes the credentials of calls, and answers
// some of them by errors that repeat all that was sent.
func (s *stand) vendor(sim *simulator.Simulator) http.Handler {
	statuses := []int{http.StatusBadRequest, http.StatusForbidden, http.StatusUnauthorized, http.StatusServiceUnavailable}
	forms := []string{"<html>%s</html>", `{"error": %q, "message": %[1]q, "error_description": %[1]q}`,
		"<SIMPLE_RETURN><RESPONSE><CODE>999</CODE><TEXT>%s</TEXT></RESPONSE></SIMPLE_RETURN>", "%s"}
	types := []string{"text/html", "application/json", "application/xml", "text/plain"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		given := r.Header.Get("Authorization")
		if kind, credential, ok := strings.Cut(given, " "); ok && len(credential) > 20 {
			s.secrets.Store(fmt.Sprintf("%s credential %x", kind, len(credential)), credential)
			if kind == "Bearer" {
				s.secrets.Store("signature of a token", credential[strings.LastIndexByte(credential, '.')+1:])
			}
		}
		n := s.echoes.Add(-1)
		if n < 0 {
			s.echoes.Store(0)
			sim.Handler().ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Echo", given)
		w.Header().Set("Www-Authenticate", `Bearer error="`+string(body)+`"`)
		form := n % int64(len(forms))
		if n > 100 {
			form = n % 3 // what is tried again would be so for ever
		}
		w.Header().Set("Content-Type", types[form])
		w.WriteHeader(statuses[form])
		fmt.Fprintf(w, forms[form], given+" "+string(body))
	})
}

// proxy passes calls on for who knows the password, and repeats what others
// offer.
func proxy() http.Handler {
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("proxy-user:"+plantedProxy))
	forward := &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if given := r.Header.Get("Proxy-Authorization"); given != want {
			w.Header().Set("Proxy-Authenticate", `Basic realm="`+given+`"`)
			http.Error(w, "you offered "+given, http.StatusProxyAuthRequired)
			return
		}
		forward.ServeHTTP(w, r)
	})
}

// clientCertificate is a certificate and its key.
func clientCertificate(t *testing.T) (both, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sluice"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	bare, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: bare}))
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})) + key, key
}

// newStand makes a house with a namespace of its own and a worker as a process.
func newStand(t *testing.T) *stand {
	h := newHouse(t)
	s := &stand{house: h, places: make(map[string]string)}
	h.env["TEMPORAL_NAMESPACE"] = "planted"
	namespaces, err := client.NewNamespaceClient(client.Options{HostPort: h.env["TEMPORAL_ADDRESS"], Logger: quiet{}})
	require.NoError(t, err)
	t.Cleanup(namespaces.Close)
	err = namespaces.Register(t.Context(), &workflowservice.RegisterNamespaceRequest{Namespace: "planted", WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := s.temporal().WorkflowService().ListOpenWorkflowExecutions(t.Context(), &workflowservice.ListOpenWorkflowExecutionsRequest{Namespace: "planted"})
		return err == nil
	}, within, every)

	path := filepath.Join(t.TempDir(), "master.key")
	require.NoError(t, os.WriteFile(path, []byte(h.env["SLUICE_MASTER_KEY"]+"\n"), 0o600))
	s.plant("master key", h.env["SLUICE_MASTER_KEY"])
	delete(h.env, "SLUICE_MASTER_KEY")
	h.env["SLUICE_MASTER_KEY_FILE"] = path
	for what, secret := range map[string]string{"client secret": plantedSecret, "password": plantedPassword, "proxy password": plantedProxy,
		"wrong secret": plantedWrong, "wrong proxy password": plantedWrong2} {
		s.plant(what, secret)
	}

	log, err := os.Create(filepath.Join(t.TempDir(), "worker.log"))
	require.NoError(t, err)
	s.worker = exec.Command(testenv.Command(t, "sluice/worker"))
	s.worker.Env = append(h.env.Environ(), "SLUICE_LOG_LEVEL=debug", "PLANTED="+plantedSecret, "SLUICE_BATCH_PAGES=1")
	s.worker.Stdout, s.worker.Stderr = log, log
	require.NoError(t, s.worker.Start())
	t.Cleanup(func() {
		_ = s.worker.Process.Kill()
		_ = s.worker.Wait()
	})
	s.places["the worker's log"] = log.Name() // read at the end
	return s
}

func (s *stand) temporal() client.Client {
	s.t.Helper()
	c, err := client.DialContext(s.t.Context(), client.Options{HostPort: s.env["TEMPORAL_ADDRESS"], Namespace: "planted", Logger: quiet{}})
	require.NoError(s.t, err)
	s.t.Cleanup(c.Close)
	return c
}

// createAsProcess runs a command as a process and looks at its arguments while
// it waits for a secret.
func (s *stand) createAsProcess(secret string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(testenv.Command(s.t, "sluice/starter"), args...)
	cmd.Env = s.env.Environ()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	in, err := cmd.StdinPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Start())
	s.places["the arguments"] += arguments(s.t, cmd.Process.Pid)
	_, err = io.WriteString(in, secret)
	require.NoError(s.t, err)
	require.NoError(s.t, in.Close())
	require.NoError(s.t, cmd.Wait(), said.String())
	s.places["what a process said"] = said.String()
}

func arguments(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	require.NoError(t, err)
	return string(text)
}

// gather reads the places that a secret might have got into.
func (s *stand) gather() {
	s.t.Helper()
	log, err := os.ReadFile(s.places["the worker's log"])
	require.NoError(s.t, err)
	s.places["the worker's log"] = string(log)
	s.places["the arguments"] += arguments(s.t, s.worker.Process.Pid)
	s.places["the database"] = s.dump()

	c := s.temporal()
	service, ctx := c.WorkflowService(), s.t.Context()
	var histories, schedules strings.Builder
	var page []byte
	for more := true; more; more = len(page) > 0 {
		list, err := service.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: "planted", NextPageToken: page})
		require.NoError(s.t, err)
		page = list.GetNextPageToken()
		for _, execution := range list.GetExecutions() {
			write(s.t, &histories, execution)
			for events := c.GetWorkflowHistory(ctx, execution.GetExecution().GetWorkflowId(), execution.GetExecution().GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
				event, err := events.Next()
				require.NoError(s.t, err)
				write(s.t, &histories, event)
			}
		}
	}
	list, err := service.ListSchedules(ctx, &workflowservice.ListSchedulesRequest{Namespace: "planted", MaximumPageSize: 100})
	require.NoError(s.t, err)
	for _, entry := range list.GetSchedules() {
		schedule, err := service.DescribeSchedule(ctx, &workflowservice.DescribeScheduleRequest{Namespace: "planted", ScheduleId: entry.GetScheduleId()})
		require.NoError(s.t, err)
		write(s.t, &schedules, entry)
		write(s.t, &schedules, schedule)
	}
	s.places["the histories"], s.places["the schedules"] = histories.String(), schedules.String()
}

// write writes a message of Temporal, and what its payloads hold.
func write(t *testing.T, to *strings.Builder, message proto.Message) {
	t.Helper()
	text, err := protojson.Marshal(message)
	require.NoError(t, err)
	to.Write(text)
	for word := range strings.SplitSeq(string(text), `"`) {
		if data, err := base64.StdEncoding.DecodeString(word); err == nil && len(word) > 0 {
			to.WriteByte('\n')
			to.Write(data)
			to.WriteByte('\n')
		}
	}
}

// dump is every row of every table as text.
func (s *stand) dump() string {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.env["SLUICE_DATABASE_URL"])
	require.NoError(s.t, err)
	defer conn.Close(context.WithoutCancel(s.t.Context()))
	rows, err := conn.Query(s.t.Context(), "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
	require.NoError(s.t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s.t, err)
	require.Contains(s.t, tables, "credentials")
	var b strings.Builder
	for _, table := range tables {
		var text string
		require.NoError(s.t, conn.QueryRow(s.t.Context(), "SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM "+pgx.Identifier{table}.Sanitize()+" t").Scan(&text))
		b.WriteString(text)
	}
	return b.String()
}
