package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/qualys"
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
	Settings       controlSettings `json:"settings"`
	Faults         []Fault         `json:"faults"`
	Counts         Counts          `json:"counts"`

	VMLimits map[faults.Endpoint]VMLimits `json:"vmLimits"`
}

// controlSettings are Settings on the control API. A field left out of a
// request stays as it is.
type controlSettings struct {
	Dialect          *qualys.Dialect `json:"dialect,omitempty"`
	TokenTTL         *string         `json:"tokenTTL,omitempty"` // as "30s"
	AcceptForm       *bool           `json:"acceptForm,omitempty"`
	OmitTotal        *bool           `json:"omitTotal,omitempty"`
	WrapRecords      *bool           `json:"wrapRecords,omitempty"`
	EmptyWithoutData *bool           `json:"emptyWithoutData,omitempty"`
	Web              json.RawMessage `json:"web,omitempty"` // WebSettings
	VM               json.RawMessage `json:"vm,omitempty"`  // VMSettings
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
//	POST /simulator/settings  {"dialect":"gateway","tokenTTL":"30s","web":{"maxConcurrent":4},"vm":{"requests":2000}}
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
		VMLimits:       s.VMLimits(),
	}
}

func (s *Simulator) showSettings() controlSettings {
	now := s.Settings()
	ttl := now.TokenTTL.String()
	return controlSettings{
		&now.Dialect, &ttl, &now.AcceptForm, &now.OmitTotal, &now.WrapRecords, &now.EmptyWithoutData,
		encode(s.WebSettings()), encode(s.VMSettings()),
	}
}

func encode(settings any) json.RawMessage {
	text, err := json.Marshal(settings)
	if err != nil {
		panic(err) // settings are scalars
	}
	return text
}

// overlay changes the settings that a request names.
func overlay[T any](settings *T, request json.RawMessage) error {
	if request == nil {
		return nil
	}
	body := json.NewDecoder(bytes.NewReader(request))
	body.DisallowUnknownFields()
	return body.Decode(settings)
}

func (s *Simulator) controlSettings(c controlSettings) (any, error) {
	settings := s.Settings()
	if c.TokenTTL != nil {
		ttl, err := time.ParseDuration(*c.TokenTTL)
		if err != nil {
			return nil, fmt.Errorf("tokenTTL %q is no duration; write for example 30s or 4h", *c.TokenTTL)
		}
		settings.TokenTTL = ttl
	}
	take(&settings.Dialect, c.Dialect)
	take(&settings.AcceptForm, c.AcceptForm)
	take(&settings.OmitTotal, c.OmitTotal)
	take(&settings.WrapRecords, c.WrapRecords)
	take(&settings.EmptyWithoutData, c.EmptyWithoutData)
	web := s.WebSettings()
	if err := overlay(&web, c.Web); err != nil {
		return nil, err
	}
	hosts := s.VMSettings()
	if err := overlay(&hosts, c.VM); err != nil {
		return nil, err
	}
	if err := s.Configure(settings); err != nil {
		return nil, err
	}
	if err := s.ConfigureWeb(web); err != nil {
		return nil, err
	}
	if err := s.ConfigureVM(hosts); err != nil {
		return nil, err
	}
	return s.showSettings(), nil
}

// take sets a field to a value that was given.
func take[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
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
