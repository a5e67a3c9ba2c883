package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"sluice/internal/fault"
	"sluice/internal/source"
)

// Codes of the errors on the way to the vendor.
const (
	CodeUnreachable        = "unreachable"                // no connection to the endpoint
	CodeConnectionRefused  = "connection-refused"         // nothing listens there
	CodeUnknownHost        = "unknown-host"               // its name cannot be resolved
	CodeTimeout            = "timeout"                    // connected, but no answer in time
	CodeCertificate        = "certificate"                // of an authority that is not trusted
	CodeCertificateExpired = "certificate-expired"        // or not valid yet
	CodeCertificateName    = "certificate-name"           // for another name
	CodeNoTLS              = "no-tls"                     // it speaks something else
	CodeTLS                = "tls"                        // the two sides cannot agree
	CodeClientCertificate  = "client-certificate"         // it wants one
	CodeClientCertRefused  = "client-certificate-refused" // it wants another one

	CodeProxyUnreachable = "proxy-unreachable"   // no connection to the proxy, or no answer of it
	CodeProxyUnknownHost = "proxy-unknown-host"  // its name cannot be resolved
	CodeProxyLogin       = "proxy-login-refused" // its user name and password
	CodeProxyRefused     = "proxy-refused"       // it does not let through to the endpoint
	CodeProxyGateway     = "proxy-gateway"       // it does not get through to the endpoint
	CodeProxyProtocol    = "proxy-protocol"      // it is no proxy of this sort
	CodeProxyCertificate = "proxy-certificate"   // its certificate is not trusted
)

// NotReached says whether an error is that the vendor did not get a request,
// or that no answer came back, for a reason on the way: it concerns all that is
// asked for there.
func NotReached(err error) bool {
	f := fault.As(err)
	if f == nil {
		return false
	}
	switch f.Code {
	case CodeUnreachable, CodeConnectionRefused, CodeUnknownHost, CodeTimeout, CodeCertificate, CodeCertificateExpired, CodeCertificateName,
		CodeNoTLS, CodeTLS, CodeClientCertificate, CodeClientCertRefused, CodeProxyUnreachable, CodeProxyUnknownHost, CodeProxyLogin,
		CodeProxyRefused, CodeProxyGateway, CodeProxyProtocol, CodeProxyCertificate:
		return true
	}
	return false
}

// networkError classifies a request that got no answer. Name resolution and
// connections may fail for a moment, so they are transient; what a setting has
// to mend does not mend itself. Nothing in it is a secret of the way.
func (c call) networkError(ctx context.Context, w *way, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", c.target(), context.Cause(ctx))
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // its method and URL are in our own message
	}
	f := fault.As(err) // of the proxy
	if f == nil {
		f = c.wayError(w, err)
	}
	f.Message = string(c.redact([]byte(f.Message)))
	if f.Err != nil {
		if text := f.Err.Error(); string(c.redact([]byte(text))) != text {
			f.Err = errors.New(string(c.redact([]byte(text))))
		}
	}
	return f
}

func (c call) wayError(w *way, err error) *fault.Error {
	n := c.client.options.Network
	if w.proxyReached.Load() && !w.proxyPassed.Load() && strings.HasPrefix(c.client.options.BaseURL, "https:") {
		return n.proxyAnswerError(err)
	}
	if f := c.tlsError(w, err); f != nil {
		return f
	}
	var dns *net.DNSError
	var network net.Error
	var op *net.OpError
	timeout := errors.As(err, &network) && network.Timeout()
	host := c.host()
	switch endpoint := c.client.options.Endpoint; {
	case errors.As(err, &dns):
		return transient(CodeUnknownHost, "the host name of "+host+" cannot be resolved", err,
			"check "+endpoint+", and the name service of the worker's machine"+c.orProxy())
	case errors.Is(err, syscall.ECONNREFUSED):
		return transient(CodeConnectionRefused, host+" refuses the connection", err,
			"check "+endpoint+" and its port: nothing listens there, or a firewall says so"+c.orProxy())
	case timeout && !(errors.As(err, &op) && op.Op == "dial"):
		return transient(CodeTimeout, c.vendor()+" did not answer "+c.target()+" in time", err, "")
	default:
		return transient(CodeUnreachable, host+" cannot be reached", err,
			"check "+endpoint+", and that the worker's network lets it through"+c.orProxy())
	}
}

// orProxy is more advice for where only a middle machine gets out.
func (c call) orProxy() string {
	if c.client.options.Network.proxy != nil {
		return ""
	}
	return "; where only another machine gets there, give " + source.FieldProxyURL + " or " + source.FieldPool
}

func transient(code, message string, err error, advice string) *fault.Error {
	return &fault.Error{Class: fault.Transient, Code: code, Message: message, Err: err, Advice: advice}
}

// host is the endpoint without its scheme.
func (c call) host() string {
	_, host, _ := strings.Cut(c.client.options.BaseURL, "://")
	return host
}

// tlsError classifies what went wrong about TLS; nil: nothing did.
func (c call) tlsError(w *way, err error) *fault.Error {
	var unverified *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var op *net.OpError
	var network net.Error
	host, endpoint := c.host(), c.client.options.Endpoint
	with := func(code, message, advice string) *fault.Error {
		f := refused(code, message, err)
		f.Advice = advice
		return f
	}
	switch {
	case errors.As(err, &unverified):
		return c.untrusted(unverified)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return with(CodeNoTLS, host+" does not speak TLS", "check "+endpoint+" and its port")
	case errors.As(err, &op) && op.Op == "remote error", w.alerted.Load() && w.certificateAsked.Load(): // an alert of TLS
		switch {
		case w.certificateAsked.Load() && c.client.options.Network.certificate == nil:
			return with(CodeClientCertificate, host+" wants a client certificate", "give "+source.FieldTLSCertificate+": the certificate and its private key")
		case w.certificateAsked.Load():
			return with(CodeClientCertRefused, host+" does not accept the client certificate",
				"check "+source.FieldTLSCertificate+": whether it is meant for this server, still valid there, and has its issuers with it")
		case strings.Contains(err.Error(), "unrecognized name"):
			return with(CodeCertificateName, host+" does not know the name that it was asked for",
				"check "+endpoint+"; where the server goes by another name, give "+source.FieldTLSServerName)
		}
		return with(CodeTLS, host+" broke off the TLS handshake", adviceTLS)
	case !w.handshaking.Load():
		if w.certificateAsked.Load() && !(errors.As(err, &network) && network.Timeout()) {
			return transient(CodeUnreachable, host+" asked for a client certificate and closed the connection", err,
				"if it does so again, see to "+source.FieldTLSCertificate)
		}
		return nil
	case errors.As(err, &network) && network.Timeout():
		return transient(CodeTimeout, host+" did not finish the TLS handshake in time", err, "check "+endpoint+" and its port")
	case strings.HasPrefix(err.Error(), "tls: "):
		return with(CodeTLS, "TLS cannot be agreed on with "+host, adviceTLS)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return transient(CodeUnreachable, "the connection to "+host+" was closed in the TLS handshake", err,
			"check "+endpoint+"; a firewall that does not let this name through does the same"+c.orProxy())
	}
	return nil
}

const adviceTLS = "TLS 1.2 or newer is spoken here: ask for it at the server, or at the machine that stands before it"

// untrusted says why a certificate is not believed.
func (c call) untrusted(err *tls.CertificateVerificationError) *fault.Error {
	host := c.host()
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	f := refused(CodeCertificate, "the certificate of "+host+" is not trusted", err.Err)
	f.Advice = "check " + c.client.options.Endpoint + "; where the server, or a middle machine that inspects TLS, has a certificate of an authority of your own, give that as " + source.FieldCABundle
	switch {
	case errors.As(err, &name):
		f.Code, f.Message = CodeCertificateName, "the certificate of "+host+" is for another name"
		f.Advice = "check " + c.client.options.Endpoint + "; where this is the right server, give the name in its certificate as " + source.FieldTLSServerName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(invalid.Cert.NotBefore):
		f.Code, f.Message = CodeCertificateExpired, "the certificate of "+host+" is not valid yet"
		f.Advice = "check the clock of the worker's machine"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		f.Code, f.Message = CodeCertificateExpired, "the certificate of "+host+" has expired: "+describe(invalid.Cert)
		f.Advice = "it has to be renewed there; if it was, check the clock of the worker's machine"
	}
	return f
}
