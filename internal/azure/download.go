package azure

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"sluice/internal/fault"
	"sluice/internal/transport"
)

// Codes of errors of Download.
const (
	// CodeLink: the link leads where documents are not downloaded from.
	CodeLink = "document-link"
	// CodeLinkEnded: blob storage does not take the link any more, or does not
	// have what it leads to: a new link is needed.
	CodeLinkEnded = "document-link-ended"
)

// Download reads a document that ARM linked to. A link is a credential that is
// good for some minutes: it is never in an error, and used without others. It
// has to lead to blob storage of the connector's cloud, and redirects are
// refused. An error with CodeLinkEnded asks for a new link.
func (c *Client) Download(ctx context.Context, link string) ([]byte, error) {
	at, err := c.readLink(link)
	if err != nil {
		return nil, err
	}
	client, err := c.blobClient(at.base)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		data, err := fetchBlob(ctx, client, at)
		if f := fault.As(err); err == nil || !worthAnotherTry(err) || f.Code == CodeLinkEnded || try >= c.limits.Tries {
			return data, err
		}
		if err := sleep(ctx, c.limits.Backoff<<(try-1)); err != nil {
			return nil, err
		}
	}
}

func fetchBlob(ctx context.Context, client *transport.Client, at blobLink) ([]byte, error) {
	resp, err := client.Do(ctx, transport.Request{Method: http.MethodGet, Path: at.path + at.query})
	if err != nil {
		return nil, at.conceal(ctx, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, at.conceal(ctx, err)
	}
	return data, nil
}

// blobClient is the client of a host. It knows no credentials.
func (c *Client) blobClient(base string) (*transport.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if client := c.blobs[base]; client != nil {
		return client, nil
	}
	options := c.limits.Transport
	options.BaseURL, options.Vendor, options.MaxBody = base, "Azure blob storage", c.limits.MaxDocument
	options.Message, options.Refine = blobMessage, refineBlob
	client, err := transport.New(options)
	if err != nil {
		return nil, err
	}
	if len(c.blobs) >= c.limits.maxBlobHosts {
		clear(c.blobs)
	}
	c.blobs[base] = client
	return client, nil
}

// blobLink is a link, taken apart. path and query are as they are sent.
type blobLink struct{ base, path, query string }

func notBlob() *fault.Error {
	return &fault.Error{
		Class: fault.Contract, Code: CodeLink,
		Message: "Azure linked to a document at a place that is no blob storage of this cloud, and it was not fetched",
		Advice:  "check " + FieldCloud + ", or " + FieldBlobHost + " of a private cloud",
	}
}

// readLink takes a link apart and checks where it leads. A blob is named like
// what was exported, unescaped (recorded): its name may have blanks, and
// anything else that people put into names. The query is signed, and kept as
// it is.
func (c *Client) readLink(link string) (blobLink, error) {
	link = strings.TrimSpace(link)
	scheme, rest, found := strings.Cut(link, "://")
	slash := strings.IndexByte(rest, '/')
	if !found || slash < 1 {
		return blobLink{}, notBlob()
	}
	host, rest := strings.ToLower(rest[:slash]), rest[slash:]
	if !c.isBlobHost(scheme, host) {
		return blobLink{}, notBlob()
	}
	path, query := rest, ""
	begin := strings.LastIndex(rest, "?sv=") // names may have a question mark too
	if begin < 0 {
		begin = strings.IndexByte(rest, '?')
	}
	if begin >= 0 {
		path, query = rest[:begin], rest[begin:]
	}
	if strings.ContainsFunc(query, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
		return blobLink{}, notBlob()
	}
	query = strings.NewReplacer(" ", "%20", "#", "%23").Replace(query)
	return blobLink{base: scheme + "://" + host, path: escapeBlobPath(path), query: query}, nil
}

// blobAccount is what stands before the suffix of a host.
var blobAccount = regexp.MustCompile(`^(?:[a-z0-9-]+\.)+$`)

func (c *Client) isBlobHost(scheme, host string) bool {
	suffix := c.Settings.Cloud.BlobSuffix
	if u, err := url.Parse("//" + suffix); err == nil && transport.Loopback(u.Hostname()) {
		return host == suffix && (scheme == "http" || scheme == "https")
	}
	account, found := strings.CutSuffix(strings.TrimSuffix(host, ":443"), suffix)
	return scheme == "https" && found && blobAccount.MatchString(account)
}

const plainInPath = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/!$&'()*+,;=:@"

// escaped matches a path that is escaped already.
var escaped = regexp.MustCompile(`^(?:[A-Za-z0-9._~/!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*$`)

func escapeBlobPath(path string) string {
	if escaped.MatchString(path) {
		return path
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		if ch := path[i]; strings.IndexByte(plainInPath, ch) >= 0 {
			b.WriteByte(ch)
		} else {
			b.Write([]byte{'%', digits[ch>>4], digits[ch&15]})
		}
	}
	return b.String()
}

// blobMessage is the code of an error body; its texts repeat what was signed.
func blobMessage(body []byte) string {
	var e struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
	}
	if xml.Unmarshal(body, &e) != nil {
		return ""
	}
	return short(e.Code)
}

func refineBlob(f *fault.Error, answer transport.Failure) {
	f.Advice = ""
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		f.Class, f.Code = fault.Transient, CodeLinkEnded
	case http.StatusTooManyRequests:
		// Nothing that concerns the calls of ARM.
		f.Class, f.Code, f.Wait = fault.Transient, transport.CodeUnavailable, 0
	}
	if f.Class == fault.Throttled {
		f.Class, f.Code, f.Wait = fault.Transient, transport.CodeUnavailable, 0
	}
}

// conceal takes the link out of an error.
func (l blobLink) conceal(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f := fault.As(err)
	if f == nil {
		return errors.New("a document could not be downloaded from Azure blob storage")
	}
	clean := *f
	clean.Detail = ""
	if f.Class == fault.Refused && f.Code == transport.CodeBadRequest {
		clean.Err = nil // it quotes the URL
	}
	clean.Message = strings.ReplaceAll(clean.Message, l.query, "")
	switch f.Code {
	case transport.CodeUnreachable, transport.CodeConnectionRefused, transport.CodeUnknownHost, transport.CodeProxyRefused, transport.CodeProxyGateway:
		clean.Advice = "exported specifications are downloaded from there: let the worker's network reach https://*." + strings.TrimPrefix(l.base[strings.Index(l.base, ".")+1:], ".")
	}
	return &clean
}
