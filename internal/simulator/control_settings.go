package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/internal/simulator/qualys"
)

// controlSettings are Settings on the control API. A field left out of a
// request stays as it is.
type controlSettings struct {
	Dialect          *qualys.Dialect `json:"dialect,omitempty"`
	TokenTTL         *string         `json:"tokenTTL,omitempty"` // as "30s"
	AcceptForm       *bool           `json:"acceptForm,omitempty"`
	OmitTotal        *bool           `json:"omitTotal,omitempty"`
	WrapRecords      *bool           `json:"wrapRecords,omitempty"`
	EmptyWithoutData *bool           `json:"emptyWithoutData,omitempty"`
	ClientsOnly      *bool           `json:"clientsOnly,omitempty"`
	Web              json.RawMessage `json:"web,omitempty"`           // WebSettings
	VM               json.RawMessage `json:"vm,omitempty"`            // VMSettings
	Apps             json.RawMessage `json:"apps,omitempty"`          // AppSettings
	QPSLimits        json.RawMessage `json:"qpsLimits,omitempty"`     // CallLimits
	GatewayLimits    json.RawMessage `json:"gatewayLimits,omitempty"` // CallLimits
	LockAfter        *int            `json:"lockAfter,omitempty"`
}

func (s *Simulator) showSettings() controlSettings {
	now := s.Settings()
	ttl, lockAfter := now.TokenTTL.String(), s.directory.LocksAfter()
	return controlSettings{
		&now.Dialect, &ttl, &now.AcceptForm, &now.OmitTotal, &now.WrapRecords, &now.EmptyWithoutData, &now.ClientsOnly,
		encode(s.WebSettings()), encode(s.VMSettings()), encode(s.AppSettings()),
		encode(s.QPSLimits()), encode(s.GatewayLimits()), &lockAfter,
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
	take(&settings.ClientsOnly, c.ClientsOnly)
	lockAfter := s.directory.LocksAfter()
	take(&lockAfter, c.LockAfter)
	web, hosts, apps := s.WebSettings(), s.VMSettings(), s.AppSettings()
	qps, gateway := s.QPSLimits(), s.GatewayLimits()
	err := errors.Join(overlay(&web, c.Web), overlay(&hosts, c.VM), overlay(&apps, c.Apps),
		overlay(&qps, c.QPSLimits), overlay(&gateway, c.GatewayLimits))
	if err != nil {
		return nil, err
	}
	err = errors.Join(s.Configure(settings), s.ConfigureWeb(web), s.ConfigureVM(hosts), s.ConfigureApps(apps),
		s.LimitQPS(qps), s.LimitGateway(gateway), s.LockAfter(lockAfter))
	if err != nil {
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
