package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
)

const maxControlBytes = 1 << 20

// State is what GET /simulator/state answers.
type State struct {
	Now           time.Time `json:"now"`
	Generation    int       `json:"generation"`
	Subscriptions int       `json:"subscriptions"`
	Services      int       `json:"services"`
	APIs          int       `json:"apis"` // each once, whatever its revisions
	Counts        Counts    `json:"counts"`
}

// State describes the simulation as it is.
func (s *Simulator) State() State {
	w := s.estate.World()
	return State{
		Now: s.Now(), Generation: w.Generation(), Subscriptions: len(w.Subscriptions), Services: len(w.Services), APIs: w.Len(),
		Counts: s.Counts(),
	}
}

// Banner says how to sign in at a simulator that Serve serves at these
// addresses, and how to change its estate.
func (s *Simulator) Banner(armURL, blobURL string) string {
	app, state := s.apps[0], s.State()
	return fmt.Sprintf(`Simulated Azure at %[1]s
  ARM, Entra      %[1]s
  blob storage    %[2]s
  tenant id       %[3]s
  client id       %[4]s
  client secret   %[5]s
  other apps      %[9]s
  estate          %[6]d subscriptions, %[7]d API Management services, %[8]d APIs
  change it       curl -X POST -d '{"edited":0.05,"added":0.01,"removed":0.02}' %[1]s/simulator/advance
  its state       curl %[1]s/simulator/state
`, armURL, blobURL, app.TenantID, app.ClientID, app.Secret, state.Subscriptions, state.Services, state.APIs, s.others())
}

// others names the other apps, with what is special about each.
func (s *Simulator) others() string {
	var lines []string
	for i, app := range s.apps {
		if i == 0 {
			continue // named above
		}
		special := "is in tenant " + app.TenantID
		switch {
		case app.SecretExpired:
			special = "its secret has expired"
		case app.WithoutRole:
			special = "has no role"
		}
		lines = append(lines, fmt.Sprintf("%s, secret %s: %s", app.ClientID, app.Secret, special))
	}
	return strings.Join(lines, "\n                  ")
}

// Serve serves Entra and ARM on one listener and the blob storage on the other
// until ctx ends, then lets calls in flight finish for a second and returns
// nil. Links of exports lead to the blob listener. On the first there is a
// control API too, for callers on this machine only:
//
//	POST /simulator/advance   {"added":0.01,"removed":0.01,"edited":0.05,"silent":0,"described":0.02,"revised":0.01}
//	GET  /simulator/state
func (s *Simulator) Serve(ctx context.Context, arm, blob net.Listener) error {
	s.SetBlobURL("http://" + blob.Addr().String())
	serving, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 2)
	go func() { ended <- serve(serving, blob, s.BlobHandler()) }()
	go func() { ended <- serve(serving, arm, s.controlled()) }()
	err := <-ended
	stop() // the other one alone is of no use
	return errors.Join(err, <-ended)
}

// serve serves a listener until ctx ends.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		// Connections that faults break off are meant to.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close() // calls that outlast the grace are cut
		}
	})
	err := server.Serve(listener)
	if stop() {
		return fmt.Errorf("simulator: serving %s: %w", listener.Addr(), err)
	}
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// controlled is Handler with the control API before it.
func (s *Simulator) controlled() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.Handler())
	mux.Handle("POST /simulator/advance", loopbackOnly(func(w http.ResponseWriter, r *http.Request) {
		var change Change
		body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBytes))
		body.DisallowUnknownFields()
		if err := body.Decode(&change); err != nil && err != io.EOF {
			answer(w, http.StatusBadRequest, map[string]string{"error": "the body is not what this call takes: " + err.Error()})
			return
		}
		generation, err := s.Advance(change)
		if err != nil {
			answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		answer(w, http.StatusOK, map[string]int{"generation": generation})
	}))
	mux.Handle("GET /simulator/state", loopbackOnly(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, s.State())
	}))
	return mux
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a caller that has gone away is no concern of ours
}

// loopbackOnly refuses callers from other machines, whatever listener is used.
func loopbackOnly(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			answer(w, http.StatusForbidden, map[string]string{"error": "the simulator is controlled from its own machine only"})
			return
		}
		serve(w, r)
	})
}
