package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"sluice/internal/simulator/faults"
)

const maxControlBytes = 1 << 20

// State is what GET /simulator/state answers.
type State struct {
	Now            time.Time       `json:"now"`
	Seed           uint64          `json:"seed"`
	Generation     int             `json:"generation"`
	Hidden         float64         `json:"hidden"` // share of the assets out of scope
	Applications   int             `json:"applications"`
	APICollections int             `json:"apiCollections"` // as applications: ever created, removed and hidden ones included
	WebApps        int             `json:"webApps"`        // likewise
	WebFindings    int             `json:"webFindings"`    // likewise
	Hosts          int             `json:"hosts"`          // likewise
	Knowledge      int             `json:"knowledge"`      // entries of the knowledge base, published or not
	Users          []User          `json:"users"`
	FailedSignIns  map[string]int  `json:"failedSignIns"` // wrong passwords and secrets, by user
	Settings       controlSettings `json:"settings"`
	Faults         []Fault         `json:"faults"`
	Counts         Counts          `json:"counts"`

	Limits map[faults.Endpoint]Limits `json:"limits"` // what they have seen
}

// registerControl adds the control API, by which another process steers the
// simulation:
//
//	POST /simulator/advance   {"updated":0.05,"silent":0,"added":0.01,"removed":0.01,"web":{"new":0.02,"fixed":0.1},
//	                           "vm":{"scanned":0.5,"new":0.02,"fixed":0.1},"knowledge":{"updated":0.01,"published":1}}
//	POST /simulator/scope     {"hidden":0.3}
//	POST /simulator/faults    [{"kind":"throttle","every":5,"retryAfter":1}]; [] ends all
//	POST /simulator/defects   [{"kind":"severity-word","count":3}]; [] mends all
//	POST /simulator/web-defects   [{"kind":"severity-word","count":3}]; [] mends all
//	POST /simulator/host-defects  [{"kind":"malformed-xml","count":1,"endpoint":"vm-detections"}]; [] mends all
//	POST /simulator/settings  {"dialect":"gateway","tokenTTL":"30s","vm":{"requests":2000},"lockAfter":3,
//	                           "gatewayLimits":{"requests":300,"windowSeconds":10,"concurrent":2,"headers":"rate-and-wait"}}
//	POST /simulator/users     {"name":"sluice_sim","password":"changed","locked":true,"notPermitted":["pm"]}
//	POST /simulator/elsewhere {"endpoint":"vm-detections","calls":100}   made by another tool of the subscription
//	POST /simulator/revoke    ends all tokens
//	POST /simulator/clock     {"pass":"1h"} or {"now":"2026-01-01T00:00:00Z"}
//	GET  /simulator/state
//	GET  /simulator/truth?type=APPLICATION[&hidden=true]   NDJSON, an Asset a line
//	GET  /simulator/truth?type=WEBAPP|FINDING[&user=name]  NDJSON, a WebApp or WebFinding a line
//	GET  /simulator/truth?type=HOST|DETECTION|KNOWLEDGEBASE[&user=name]
func (s *Simulator) registerControl(mux *http.ServeMux) {
	mux.Handle("POST /simulator/advance", control(func(c Change) (any, error) {
		generation, err := s.Advance(c)
		return map[string]int{"generation": generation}, err
	}))
	mux.Handle("POST /simulator/scope", control(func(c struct {
		Hidden float64 `json:"hidden"`
	}) (any, error) {
		return c, s.Hide(c.Hidden)
	}))
	mux.Handle("POST /simulator/faults", control(func(f []Fault) (any, error) {
		return f, s.SetFaults(f...)
	}))
	mux.Handle("POST /simulator/defects", control(func(d []Defect) (any, error) {
		return d, s.SetDefects(d...)
	}))
	mux.Handle("POST /simulator/web-defects", control(func(d []WebDefect) (any, error) {
		return d, s.SetWebDefects(d...)
	}))
	mux.Handle("POST /simulator/host-defects", control(func(d []VMDefect) (any, error) {
		return d, s.SetHostDefects(d...)
	}))
	mux.Handle("POST /simulator/settings", control(s.controlSettings))
	mux.Handle("POST /simulator/users", control(s.controlUser))
	mux.Handle("POST /simulator/elsewhere", control(func(c struct {
		Endpoint faults.Endpoint `json:"endpoint"`
		Calls    int             `json:"calls"`
	}) (any, error) {
		made, err := s.UseElsewhere(c.Endpoint, c.Calls)
		return map[string]int{"calls": made}, err
	}))
	mux.Handle("POST /simulator/revoke", control(func(struct{}) (any, error) {
		s.RevokeTokens()
		return struct{}{}, nil
	}))
	mux.Handle("POST /simulator/clock", control(s.controlClock))
	mux.Handle("GET /simulator/state", loopbackOnly(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, s.State())
	}))
	mux.Handle("GET /simulator/truth", loopbackOnly(s.streamTruth))
}

// State describes the simulation as it is.
func (s *Simulator) State() State {
	w := s.estate.World()
	return State{
		Now:            s.Now(),
		Seed:           s.config.Seed,
		Generation:     w.Generation(),
		Hidden:         w.HiddenShare(),
		Applications:   w.Len(Application),
		APICollections: w.Len(APICollection),
		WebApps:        s.webEstate.World().WebApps(),
		WebFindings:    s.webEstate.World().Findings(),
		Hosts:          s.hostEstate.World().Len(),
		Knowledge:      s.knowledge.Len(),
		Users:          s.Users(),
		Settings:       s.showSettings(),
		Faults:         s.faults.Faults(),
		Counts:         s.Counts(),
		FailedSignIns:  s.FailedSignIns(),
		Limits:         s.Limits(),
	}
}

// controlledUser is a change of a User on the control API. A field left out of a
// request stays as it is.
type controlledUser struct {
	*User
	Password     string `json:"password"`
	ClientSecret string `json:"clientSecret"`
}

func (s *Simulator) controlUser(request json.RawMessage) (any, error) {
	var named struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(request, &named); err != nil {
		return nil, err
	}
	var wrong error
	err := s.ChangeUser(named.Name, func(u *User) {
		user := *u
		changed := controlledUser{&user, u.Password, u.ClientSecret}
		if wrong = overlay(&changed, request); wrong == nil {
			*u = user
			u.Password, u.ClientSecret = changed.Password, changed.ClientSecret
		}
	})
	if err = errors.Join(wrong, err); err != nil {
		return nil, err
	}
	user, _ := s.directory.Named(named.Name)
	return user, nil
}

type controlClock struct {
	Now  time.Time `json:"now,omitzero"`
	Pass string    `json:"pass,omitempty"`
}

func (s *Simulator) controlClock(c controlClock) (any, error) {
	if c.Pass != "" {
		d, err := time.ParseDuration(c.Pass)
		if err != nil {
			return nil, fmt.Errorf("pass %q is no duration; write for example 30s or 4h", c.Pass)
		}
		s.Pass(d)
	}
	if !c.Now.IsZero() {
		s.SetNow(c.Now)
	}
	return controlClock{Now: s.Now()}, nil
}

// control serves one call of the control API: a JSON body in, a JSON answer out.
func control[T any](do func(T) (any, error)) http.Handler {
	return loopbackOnly(func(w http.ResponseWriter, r *http.Request) {
		var request T
		body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBytes))
		body.DisallowUnknownFields()
		if err := body.Decode(&request); err != nil && err != io.EOF {
			reply(w, http.StatusBadRequest, map[string]string{"error": "the body is not what this call takes: " + err.Error()})
			return
		}
		answer, err := do(request)
		if err != nil {
			reply(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		reply(w, http.StatusOK, answer)
	})
}

func reply(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // a caller that has gone away is no concern of ours
}

// loopbackOnly refuses callers from other machines, whatever listener is used.
func loopbackOnly(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			reply(w, http.StatusForbidden, map[string]string{"error": "the simulator is controlled from its own machine only"})
			return
		}
		serve(w, r)
	})
}
