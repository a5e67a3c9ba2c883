package azure

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// App is an app registration: what a client signs in as.
type App struct {
	TenantID      string
	TenantDomain  string // names the tenant as well as its id does; optional
	ClientID      string
	ObjectID      string // of its service principal; default: the client id
	Secret        string
	SecretExpired bool
	// Certificate is one that the app can prove itself with instead of the
	// secret; none when nil. Its key is RSA.
	Certificate *x509.Certificate
	// WithoutRole: the app has no role assignment. Its token works, and the list
	// of subscriptions is empty (inferred).
	WithoutRole bool
}

// The default apps. They protect nothing: the simulator listens on the loopback
// interface and holds invented data only.
const (
	DefaultTenantID     = "5d1a2f0e-6b7c-4d3e-8f90-a1b2c3d4e5f6"
	DefaultTenantDomain = "contoso-simulated.example"
	DefaultClientID     = "c0ffee00-1234-4abc-8def-000000000001"
	DefaultSecret       = "simulated~client~secret"

	WithoutRoleClientID = "c0ffee00-1234-4abc-8def-000000000002"
	WithoutRoleSecret   = "simulated~secret~without~role"

	ExpiredClientID = "c0ffee00-1234-4abc-8def-000000000003"
	ExpiredSecret   = "simulated~expired~secret"

	OtherTenantID = "77777777-6b7c-4d3e-8f90-a1b2c3d4e5f6" // has no subscription
	OtherClientID = "c0ffee00-1234-4abc-8def-000000000004"
	OtherSecret   = "simulated~secret~elsewhere"
)

// DefaultApps are the apps of a simulator that is given none. All subscriptions
// belong to the tenant of the first.
func DefaultApps() []App {
	return []App{
		{TenantID: DefaultTenantID, TenantDomain: DefaultTenantDomain, ClientID: DefaultClientID, Secret: DefaultSecret},
		{TenantID: DefaultTenantID, ClientID: WithoutRoleClientID, Secret: WithoutRoleSecret, WithoutRole: true},
		{TenantID: DefaultTenantID, ClientID: ExpiredClientID, Secret: ExpiredSecret, SecretExpired: true},
		{TenantID: OtherTenantID, ClientID: OtherClientID, Secret: OtherSecret},
	}
}

func checkApps(apps []App) error {
	if len(apps) == 0 {
		return errors.New("simulator: there is no app; leave Apps out for the default ones")
	}
	known := map[string]bool{}
	for i := range apps {
		a := &apps[i]
		fill(&a.ObjectID, a.ClientID)
		if a.TenantID == "" || a.ClientID == "" || a.Secret == "" && a.Certificate == nil {
			return fmt.Errorf("simulator: app %q needs a tenant, a client id, and a secret or a certificate", a.ClientID)
		}
		if known[a.TenantID+a.ClientID] {
			return fmt.Errorf("simulator: app %q is there twice", a.ClientID)
		}
		known[a.TenantID+a.ClientID] = true
	}
	return nil
}

func (a *App) inTenant(name string) bool {
	return strings.EqualFold(a.TenantID, name) || a.TenantDomain != "" && strings.EqualFold(a.TenantDomain, name)
}

// claims of a token, under the names that Entra gives them. Whatever is needed
// to check a token is in it.
type claims struct {
	Audience  string `json:"aud"`
	Issuer    string `json:"iss"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
	AppID     string `json:"appid"`
	ObjectID  string `json:"oid"`
	TenantID  string `json:"tid"`
	ID        string `json:"uti"`
	Epoch     int64  `json:"epoch"` // the simulator's: tokens of earlier ones are revoked
}

// tokens mints and checks access tokens. Safe for concurrent use.
type tokens struct {
	now   func() time.Time
	epoch atomic.Int64

	minted, refused, unauthorized atomic.Int64
}

func newTokens(now func() time.Time) *tokens { return &tokens{now: now} }

func (t *tokens) revoke() { t.epoch.Add(1) }

var (
	signingKey  = []byte("simulated signing key")
	encoding    = base64.RawURLEncoding
	tokenHeader = encoding.EncodeToString([]byte(`{"typ":"JWT","alg":"HS256"}`))
)

func sign(text string) string {
	mac := hmac.New(sha256.New, signingKey)
	mac.Write([]byte(text))
	return encoding.EncodeToString(mac.Sum(nil))
}

func (t *tokens) mint(app *App, audience string, lifetime time.Duration) string {
	now := t.now()
	payload, err := json.Marshal(claims{
		Audience: audience, Issuer: "https://sts.windows.net/" + app.TenantID + "/",
		IssuedAt: now.Unix(), NotBefore: now.Add(-clockSkew).Unix(), Expires: now.Add(lifetime).Unix(),
		AppID: app.ClientID, ObjectID: app.ObjectID, TenantID: app.TenantID,
		ID: strconv.FormatInt(t.minted.Add(1), 10), Epoch: t.epoch.Load(),
	})
	if err != nil {
		panic(err) // claims are numbers and texts
	}
	text := tokenHeader + "." + encoding.EncodeToString(payload)
	return text + "." + sign(text)
}

// clockSkew is how long before its issue a token is valid (observed).
const clockSkew = 300 * time.Second

// check returns the claims of a token of ours, and whether it has ended.
func (t *tokens) check(token string) (c claims, ended, ours bool) {
	cut := strings.LastIndexByte(token, '.')
	if cut < 0 || !hmac.Equal([]byte(sign(token[:cut])), []byte(token[cut+1:])) {
		return c, false, false
	}
	_, encoded, _ := strings.Cut(token[:cut], ".")
	payload, err := encoding.DecodeString(encoded)
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return c, false, false
	}
	return c, c.Epoch < t.epoch.Load() || t.now().Unix() >= c.Expires, true
}
