package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"sluice/internal/fault"
	"sluice/internal/source"
)

func (n Network) proxyError(class fault.Class, code, what string, err error, advice string) *fault.Error {
	return &fault.Error{Class: class, Code: code, Message: "the proxy " + n.proxyAddress() + " " + what, Err: err, Advice: advice}
}

// proxyDialError classifies a proxy that could not be connected to.
func (n Network) proxyDialError(err error) *fault.Error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return n.proxyError(fault.Transient, CodeProxyUnknownHost, "cannot be reached: its host name cannot be resolved", err,
			"check "+source.FieldProxyURL+", and the name service of the worker's machine")
	case errors.Is(err, syscall.ECONNREFUSED):
		return n.proxyError(fault.Transient, CodeProxyUnreachable, "refuses the connection", err, "check the port in "+source.FieldProxyURL+", and that the proxy runs")
	}
	return n.proxyError(fault.Transient, CodeProxyUnreachable, "cannot be reached", err, "check "+source.FieldProxyURL+", and that the worker's network lets it through")
}

// proxyTLSError classifies a proxy that TLS could not be agreed on with.
func (n Network) proxyTLSError(ctx context.Context, err error) error {
	var unverified *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unverified):
		return n.proxyError(fault.Refused, CodeProxyCertificate, "has a certificate that is not trusted", unverified.Err,
			"give its authority as "+source.FieldCABundle+", and the name in its certificate in "+source.FieldProxyURL)
	case errors.As(err, &record):
		return n.proxyError(fault.Refused, CodeProxyProtocol, "does not speak TLS", err, "give "+source.FieldProxyURL+" with http:// instead of https://")
	case ctx.Err() != nil, errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return n.proxyError(fault.Transient, CodeProxyUnreachable, "did not finish the TLS handshake", err, "check "+source.FieldProxyURL)
	}
	return n.proxyError(fault.Refused, CodeProxyCertificate, "and Sluice cannot agree on TLS", err,
		"check "+source.FieldProxyURL+"; where the proxy wants a client certificate, give "+source.FieldTLSCertificate)
}

// proxyAnswerError classifies a proxy that took CONNECT and did not answer it.
func (n Network) proxyAnswerError(err error) *fault.Error {
	var network net.Error
	var op *net.OpError
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &op) || errors.As(err, &network) && network.Timeout() {
		return n.proxyError(fault.Transient, CodeProxyUnreachable, "did not answer", err, "check "+source.FieldProxyURL+", and that the proxy is well")
	}
	return n.proxyError(fault.Refused, CodeProxyProtocol, "answered something that is no HTTP", err, "check the scheme and port of "+source.FieldProxyURL)
}

// proxyStatusError classifies an answer by which an HTTP proxy does not let
// through to an endpoint.
func (n Network) proxyStatusError(status int, header http.Header, endpoint string) *fault.Error {
	said := fmt.Sprintf("(%d %s)", status, http.StatusText(status)) // its own words may repeat the credentials
	switch status {
	case http.StatusProxyAuthRequired:
		return n.proxyLoginError(said, challenges(header))
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests:
		return n.proxyError(fault.Transient, CodeProxyGateway, "does not get through to "+endpoint+" "+said, nil,
			"check the endpoint's address, and that the proxy's network reaches it")
	}
	return n.proxyError(fault.Refused, CodeProxyRefused, "does not let through to "+endpoint+" "+said, nil,
		"let the proxy's administrators allow that host and port")
}

// proxyLoginError is never retried: accounts lock.
func (n Network) proxyLoginError(said string, challenges []string) *fault.Error {
	fields := source.FieldProxyUsername + " and " + source.FieldProxyPassword
	switch {
	case len(challenges) > 0 && !containsFold(challenges, "Basic"):
		return n.proxyError(fault.Refused, CodeProxyLogin, "takes no user name and password in Basic form, but "+strings.Join(challenges, ", ")+" "+said, nil,
			"let it take Basic from this worker, or put a proxy of your own before it")
	case n.proxyLogin == nil:
		return n.proxyError(fault.Refused, CodeProxyLogin, "wants a user name and password "+said, nil, "give "+fields)
	}
	return n.proxyError(fault.Refused, CodeProxyLogin, "refused the user name and password "+said, nil, "check "+fields)
}

// challenges are the schemes that a proxy takes.
func challenges(header http.Header) []string {
	var schemes []string
	for _, value := range header.Values("Proxy-Authenticate") {
		if scheme, _, _ := strings.Cut(strings.TrimSpace(value), " "); scheme != "" {
			schemes = append(schemes, fault.Head([]byte(scheme)))
		}
	}
	return schemes
}

func containsFold(list []string, text string) bool {
	for _, s := range list {
		if strings.EqualFold(s, text) {
			return true
		}
	}
	return false
}

// socksError classifies by the words of package socks, which has no types for
// what a SOCKS5 proxy says.
func (n Network) socksError(err error, endpoint string) *fault.Error {
	var network net.Error
	said := err.Error()
	has := func(text string) bool { return strings.Contains(said, text) }
	switch {
	case has("authentication failed"), has("no acceptable authentication methods"):
		return n.proxyLoginError("(SOCKS5)", nil)
	case has("not allowed by ruleset"):
		return n.proxyError(fault.Refused, CodeProxyRefused, "does not let through to "+endpoint, err, "let the proxy's administrators allow that host and port")
	case has("unknown error "): // which it says of all replies
		return n.proxyError(fault.Transient, CodeProxyGateway, "does not get through to "+endpoint, err, "check the endpoint's address, and that the proxy's network reaches it")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return n.proxyError(fault.Transient, CodeProxyUnreachable, "did not answer", err, "check "+source.FieldProxyURL+", and that it is a SOCKS5 proxy")
	}
	return n.proxyError(fault.Refused, CodeProxyProtocol, "answered something that is no SOCKS5", err, "check the scheme and port of "+source.FieldProxyURL)
}
