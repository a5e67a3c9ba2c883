package transport

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/source"
)

const (
	maxPEM     = 1 << 20 // bytes
	pemBegin   = "-----BEGIN "
	dayFormat  = "2006-01-02"
	typeOfCert = "CERTIFICATE"
)

// pemBlocks takes a text apart. A block that cannot be read is nil: package pem
// would pass over it in silence.
func pemBlocks(text string) []*pem.Block {
	var blocks []*pem.Block
	parts := strings.Split(text, pemBegin)
	for _, part := range parts[1:] {
		block, _ := pem.Decode([]byte(pemBegin + part))
		blocks = append(blocks, block)
	}
	return blocks
}

// readBundle adds certificates to those of the system, and names those that
// have ended.
func readBundle(text string, now time.Time) (roots *x509.CertPool, expired []string, err error) {
	const field = source.FieldCABundle
	const advice = "give certificates in PEM alone: -----BEGIN CERTIFICATE----- and what follows, one after the other"
	if len(text) > maxPEM {
		return nil, nil, source.WrongSetting(field, fmt.Sprintf("has more than %d KiB", maxPEM>>10), "give only the authorities that are needed")
	}
	blocks := pemBlocks(text)
	if len(blocks) == 0 {
		return nil, nil, source.WrongSetting(field, "has no certificate in PEM", advice)
	}
	if roots, err = x509.SystemCertPool(); err != nil {
		roots = x509.NewCertPool() // a machine without authorities of its own
	}
	for i, block := range blocks {
		switch which := fmt.Sprintf("block %d of %d", i+1, len(blocks)); {
		case block == nil:
			return nil, nil, source.WrongSetting(field, "has a "+which+" that is cut or damaged", advice)
		case strings.Contains(block.Type, "PRIVATE KEY"):
			return nil, nil, source.WrongSetting(field, "has a "+which+" that is a private key, which must not be here and is best replaced now", advice)
		case block.Type != typeOfCert:
			return nil, nil, source.WrongSetting(field, "has a "+which+" that is no certificate: "+fault.Head([]byte(block.Type)), advice)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, source.WrongSetting(field, fmt.Sprintf("has a block %d of %d that is no certificate that can be read", i+1, len(blocks)), advice)
		}
		if now.After(certificate.NotAfter) {
			expired = append(expired, describe(certificate))
		}
		roots.AddCert(certificate)
	}
	if len(expired) == len(blocks) {
		return nil, nil, source.WrongSetting(field, "has only certificates that have ended: "+strings.Join(expired, ", "), "give the ones that took their place")
	}
	return roots, expired, nil
}

// describe names a certificate: "Example CA (until 2026-01-31)".
func describe(c *x509.Certificate) string {
	name := c.Subject.CommonName
	if name == "" {
		name = c.Subject.String()
	}
	return fault.Head([]byte(name)) + " (until " + c.NotAfter.UTC().Format(dayFormat) + ")"
}

// readPair reads a client certificate, its issuers and its key, in any order.
func readPair(text string, now time.Time) (*tls.Certificate, error) {
	bad := func(what, advice string) (*tls.Certificate, error) {
		return nil, source.WrongSetting(source.FieldTLSCertificate, what, advice)
	}
	const advice = "give the certificate and its private key in PEM, one after the other"
	if len(text) > maxPEM {
		return bad(fmt.Sprintf("has more than %d KiB", maxPEM>>10), advice)
	}
	var chain []*pem.Block
	var key *pem.Block
	for i, block := range pemBlocks(text) {
		switch {
		case block == nil:
			return bad(fmt.Sprintf("has a block %d that is cut or damaged", i+1), advice)
		case block.Type == typeOfCert:
			chain = append(chain, block)
		case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
			return bad("has an encrypted private key", "decrypt it first, as by openssl pkey; it is kept sealed")
		case strings.HasSuffix(block.Type, "PRIVATE KEY") && key != nil:
			return bad("has two private keys", advice)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			key = block
		}
	}
	switch {
	case len(chain) == 0:
		return bad("has no certificate", advice)
	case key == nil:
		return bad("has no private key", advice)
	}
	// The client's own certificate comes first; files are not always so.
	for range chain {
		pair, err := tls.X509KeyPair(encode(chain), encode([]*pem.Block{key}))
		if err == nil {
			if now.After(pair.Leaf.NotAfter) {
				return bad("has ended: "+describe(pair.Leaf), "ask for a new one where this one came from")
			}
			return &pair, nil
		}
		if !strings.Contains(err.Error(), "does not match") {
			return bad("has a certificate or key that cannot be read", advice)
		}
		chain = slices.Concat(chain[1:], chain[:1])
	}
	return bad("has a private key that belongs to none of its certificates", "give the key that the certificate was requested with")
}

func encode(blocks []*pem.Block) []byte {
	var text []byte
	for _, block := range blocks {
		text = append(text, pem.EncodeToMemory(block)...)
	}
	return text
}
