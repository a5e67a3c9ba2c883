package middle

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// A CA signs certificates of servers and clients.
type CA struct {
	PEM  string         // its certificate
	Pool *x509.CertPool // with it alone, as for tls.Config.ClientCAs

	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// A Leaf is what a certificate says.
type Leaf struct {
	Name     string    // common name; default: "leaf"
	Names    []string  // DNS names and IP addresses of a server
	Client   bool      // of a client, not of a server
	NotAfter time.Time // default: in a day
}

// A Pair is a certificate with its key.
type Pair struct {
	Certificate, Key string // PEM
	TLS              tls.Certificate
}

// PEM is the certificate and then the key, as the setting tlsCertificate has
// them.
func (p Pair) PEM() string { return p.Certificate + p.Key }

// NewCA makes an authority that is good for a day.
func NewCA(t testing.TB) *CA { return NewCAUntil(t, "test authority", time.Now().Add(24*time.Hour)) }

// NewCAUntil makes an authority with a name that ends when asked to, which may
// have been long ago.
func NewCAUntil(t testing.TB, name string, notAfter time.Time) *CA {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: name},
		NotBefore: notAfter.Add(-48 * time.Hour), NotAfter: notAfter,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	certificate, text := sign(t, template, template, key, key)
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &CA{PEM: text, Pool: pool, certificate: certificate, key: key}
}

// Sign makes a certificate and its key.
func (ca *CA) Sign(t testing.TB, l Leaf) Pair {
	t.Helper()
	key := newKey(t)
	notAfter := l.NotAfter
	if notAfter.IsZero() {
		notAfter = time.Now().Add(24 * time.Hour)
	}
	template := &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: cmp.Or(l.Name, "leaf")},
		NotBefore: notAfter.Add(-48 * time.Hour), NotAfter: notAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if l.Client {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	for _, name := range l.Names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	certificate, text := sign(t, template, ca.certificate, key, ca.key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatalf("middle: %v", err)
	}
	return Pair{
		Certificate: text,
		Key:         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		TLS:         tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key, Leaf: certificate},
	}
}

func sign(t testing.TB, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) (*x509.Certificate, string) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatalf("middle: %v", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("middle: %v", err)
	}
	return certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("middle: %v", err)
	}
	return key
}

func serial(t testing.TB) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatalf("middle: %v", err)
	}
	return n
}
