// Package applications tests a Qualys connector against the applications that no
// kind reads: File Integrity Monitoring, Patch Management and Enterprise TruRisk
// Management, which are all behind the gateway.
package applications

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// Provider is qualys.Provider with these applications.
func Provider() source.Provider {
	p := qualys.Provider()
	for _, a := range all {
		p.Applications = append(p.Applications, source.Application{
			Name: a.access.Application, Title: a.title,
			Open: func(c source.Connection) (source.Prober, error) { return open(a, c) },
		})
	}
	return p
}

// An application is tested by one call that every user of it may make, and that
// costs the vendor little.
type application struct {
	access qualys.Access
	title  string
	step   string // of the test: what is asked for
	path   string
	// body of the call, a POST; nil for a GET.
	body func(now time.Time) any
	// read says what an answer of success tells, for people; ok is false for one
	// that is none of this call's.
	read func(answer []byte) (told string, ok bool)
	// unlicensed says that the application answers 401 to tokens that are good
	// when the subscription does not include it.
	unlicensed bool
}

// What is asked for is recorded of published clients of Qualys (its Splunk
// add-on, the SDK qualysdk, and guides to ETM), as is that ETM answers 401 where
// it is not subscribed to and 404 where it is not deployed. That others do not
// is inferred.
var all = []application{
	{
		access: qualys.FIM, title: "File Integrity Monitoring", step: "FIM events",
		path: "/fim/v2/events/count",
		body: func(now time.Time) any {
			const seconds = "2006-01-02T15:04:05Z"
			return map[string]string{"filter": fmt.Sprintf("processedTime: ['%s'..'%s']", now.Add(-24*time.Hour).Format(seconds), now.Format(seconds))}
		},
		read: func(answer []byte) (string, bool) {
			var a struct{ Count *int64 }
			err := json.Unmarshal(answer, &a)
			if err != nil || a.Count == nil {
				return "", false
			}
			return fmt.Sprintf("%d events in the last day", *a.Count), true
		},
	},
	{
		access: qualys.PM, title: "Patch Management", step: "PM version",
		path: "/pm/v1/details",
		read: func(answer []byte) (string, bool) {
			var a struct{ AppVersion string }
			err := json.Unmarshal(answer, &a)
			return "version " + qualys.Short(a.AppVersion), err == nil && a.AppVersion != ""
		},
	},
	{
		access: qualys.ETM, title: "Enterprise TruRisk Management", step: "ETM reports",
		path: "/etm/api/rest/v1/reports/list",
		body: func(time.Time) any { return map[string]int{"pageSize": 1} },
		read: func(answer []byte) (string, bool) {
			var a struct{ Data *[]json.RawMessage }
			err := json.Unmarshal(answer, &a)
			return "its list of reports", err == nil && a.Data != nil
		},
		unlicensed: true,
	},
}

// open prepares the test of an application.
func open(a application, c source.Connection) (source.Prober, error) {
	client, err := qualys.NewClient(c, transport.Options{})
	if err != nil {
		return nil, err
	}
	if err := client.Need(a.access); err != nil {
		return nil, err
	}
	return &prober{application: a, client: client}, nil
}

// call makes the application's call.
func (p *prober) call(ctx context.Context) (*transport.Response, error) {
	if p.body == nil {
		return p.client.Get(ctx, p.path)
	}
	body, err := json.Marshal(p.body(time.Now().UTC()))
	if err != nil {
		panic(err) // strings and numbers
	}
	return p.client.Post(ctx, p.path, body)
}

// method of the call, for messages.
func (a application) method() string {
	if a.body == nil {
		return http.MethodGet
	}
	return http.MethodPost
}
