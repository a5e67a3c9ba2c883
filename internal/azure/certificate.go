package azure

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"time"
)

// A Certificate is what an application can say who it is with, instead of a
// secret.
type Certificate struct {
	thumbprint string // SHA-256 of the certificate, base64url
	key        *rsa.PrivateKey
}

// ParseCertificate reads a certificate and its RSA private key, in PEM and in
// any order. Its error quotes nothing of them.
func ParseCertificate(text string) (*Certificate, error) {
	var leaf *x509.Certificate
	var key *rsa.PrivateKey
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE":
			parsed, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, errors.New("has a certificate that cannot be read")
			}
			if leaf == nil { // those after it are its issuers
				leaf = parsed
			}
		case "PRIVATE KEY", "RSA PRIVATE KEY":
			parsed, err := parseKey(block)
			if err != nil {
				return nil, err
			}
			key = parsed
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("has an encrypted private key")
		}
	}
	switch {
	case leaf == nil:
		return nil, errors.New("has no certificate")
	case key == nil:
		return nil, errors.New("has no private key")
	case !key.PublicKey.Equal(leaf.PublicKey):
		return nil, errors.New("has a private key of another certificate")
	}
	sum := sha256.Sum256(leaf.Raw)
	return &Certificate{thumbprint: base64.RawURLEncoding.EncodeToString(sum[:]), key: key}, nil
}

func parseKey(block *pem.Block) (*rsa.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("has a private key that cannot be read")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("has a private key that is none of RSA")
	}
	return key, nil
}

// assertionType goes with an assertion (RFC 7523).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertion is a signed statement to the token endpoint that the bearer is the
// application (Microsoft documentation: "Application authentication
// certificate credentials"). It is good for ten minutes.
func (c *Certificate) assertion(clientID, tokenURL string, now time.Time) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "PS256", "typ": "JWT", "x5t#S256": c.thumbprint})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"aud": tokenURL, "iss": clientID, "sub": clientID, "jti": rand.Text(),
		"nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode(header) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPSS(rand.Reader, c.key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		return "", err
	}
	return signed + "." + encode(signature), nil
}
