package account

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Level is what a token was given out for.
type Level string

// A client of one user, one of the whole subscription, and a user's name and
// password.
const (
	UserLevel         Level = "user"
	SubscriptionLevel Level = "subscription"
	SignedIn          Level = "sign-in"
)

// Claims of the simulated JSON Web Tokens. Whatever is needed to check a token
// is in it, so that tokens cost the simulator no memory.
type Claims struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"` // the client's id, or the user's name
	Level   Level  `json:"level"`
	Epoch   int64  `json:"epoch"`
	Issued  int64  `json:"iat"` // Unix seconds
	Expires int64  `json:"exp"` // Unix seconds
	ID      string `json:"jti"`
}

// TokenError is why a token will not do, in the vendor's words (documented).
type TokenError string

func (e TokenError) Error() string { return string(e) }

// A token that is not one of ours or was revoked, one that has expired, and one
// of a user whose account is locked (the last is inferred).
const (
	ErrNotAuthenticated TokenError = "Not authenticated"
	ErrExpired          TokenError = "JWT expired"
	ErrLocked           TokenError = "User account is locked"
)

// Tokens mints and checks tokens. Safe for concurrent use.
type Tokens struct {
	key    []byte
	now    func() time.Time
	epoch  atomic.Int64 // tokens of earlier epochs are revoked
	minted atomic.Int64
}

// NewTokens makes tokens whose signing key depends on the secrets only, so that
// a token outlives a restart of the simulator as it would outlive one of the
// vendor's servers.
func NewTokens(now func() time.Time, secrets ...string) *Tokens {
	key := sha256.Sum256([]byte("simulated signing key\x00" + strings.Join(secrets, "\x00")))
	return &Tokens{key: key[:], now: now}
}

var (
	tokenEncoding = base64.RawURLEncoding
	tokenHeader   = tokenEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
)

func (t *Tokens) sign(text string) string {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(text))
	return tokenEncoding.EncodeToString(mac.Sum(nil))
}

// Mint gives out a token that is valid for a time from now.
func (t *Tokens) Mint(level Level, subject string, ttl time.Duration) string {
	now := t.now()
	payload, err := json.Marshal(Claims{
		Issuer:  "simulator",
		Subject: subject,
		Level:   level,
		Epoch:   t.epoch.Load(),
		Issued:  now.Unix(),
		Expires: now.Add(ttl).Unix(),
		ID:      strconv.FormatInt(t.minted.Add(1), 10),
	})
	if err != nil {
		panic(err) // claims are numbers and strings
	}
	text := tokenHeader + "." + tokenEncoding.EncodeToString(payload)
	return text + "." + t.sign(text)
}

// Minted is the number of tokens given out.
func (t *Tokens) Minted() int64 { return t.minted.Load() }

// Revoke ends every token given out so far.
func (t *Tokens) Revoke() { t.epoch.Add(1) }

// Check returns the claims of a token that is valid now, or a TokenError.
func (t *Tokens) Check(token string) (Claims, error) {
	var c Claims
	cut := strings.LastIndexByte(token, '.')
	if cut < 0 || !equal(t.sign(token[:cut]), token[cut+1:]) {
		return c, ErrNotAuthenticated
	}
	_, encoded, _ := strings.Cut(token[:cut], ".")
	payload, err := tokenEncoding.DecodeString(encoded)
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return c, ErrNotAuthenticated
	}
	switch {
	case c.Epoch < t.epoch.Load():
		return c, ErrNotAuthenticated
	case t.now().Unix() >= c.Expires:
		return c, ErrExpired
	}
	return c, nil
}
