package azure

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/simulator/azure/estate"
	"sluice/internal/simulator/azure/spec"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/random"
	"sluice/internal/simulator/wire"
)

// blobs is the storage that exports are written to. Safe for concurrent use.
type blobs struct {
	refused, wrong atomic.Int64

	mu      sync.Mutex
	written map[string]content // by path
	links   map[string]link    // by signature
}

// content is what was written, as it was then: documents are made when they are
// fetched.
type content struct {
	revision estate.Revision
	format   spec.Format
}

// link is one that was given out.
type link struct {
	path    string
	expiry  time.Time
	content content // that it was given out for
}

func newBlobs() *blobs {
	return &blobs{written: map[string]content{}, links: map[string]link{}}
}

// maxLinks is how many links are remembered before those that have ended are
// forgotten.
const maxLinks = 4096

// putBlob writes a document and returns the link to it, as the service writes
// links: the blob has the display name, and nothing in it is escaped (recorded
// for blanks).
func (q *request) putBlob(r estate.Revision, f spec.Format) (string, error) {
	base := q.blobURL.Load()
	if base == nil {
		return "", errNoBlobHost
	}
	// Blobs of different accounts are told apart by host in reality, and by the
	// first segment of the path here. One blob for one display name is inferred
	// from its name; versions of an API have one too.
	path := "/" + r.Service.Name + "/api-export/" + r.DisplayName + f.Extension()
	if q.settings.OwnBlobs {
		path = "/" + r.Service.Name + "/api-export/" + q.requestID() + "/" + r.DisplayName + f.Extension()
	}
	expiry := q.Now().Add(q.settings.LinkLifetime).Truncate(time.Second)
	signature := newSignature(q.requests.Add(1))
	q.blobs.write(path, signature, link{path: path, expiry: expiry, content: content{r, f}}, q.Now())
	return *base + path + "?sv=2017-04-17&sr=b&sig=" + url.QueryEscape(signature) + "&se=" + expiry.Format(time.RFC3339) + "&sp=r", nil
}

func newSignature(number uint64) string {
	var b [32]byte
	for i := range b {
		b[i] = byte(random.Mix(number<<8 + uint64(i)))
	}
	return base64.StdEncoding.EncodeToString(b[:])
}

func (b *blobs) write(path, signature string, l link, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.links) >= maxLinks {
		for signature, l := range b.links {
			if now.After(l.expiry) {
				delete(b.links, signature)
			}
		}
	}
	b.written[path] = l.content
	b.links[signature] = l
}

// serveBlob answers GET with the present content of a blob.
func (s *Simulator) serveBlob(w http.ResponseWriter, r *http.Request) {
	s.calls.serve(Blob, blobWords{s}, w, r, func(x *wire.Exchange) {
		query := r.URL.Query()
		s.blobs.mu.Lock()
		l, known := s.blobs.links[query.Get("sig")]
		c := s.blobs.written[l.path]
		s.blobs.mu.Unlock()
		fits := known && l.path == r.URL.Path && query.Get("sp") == "r" && query.Get("se") == l.expiry.Format(time.RFC3339)
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			s.refuseBlob(x, http.StatusMethodNotAllowed, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.", "")
		case r.Header.Get("Authorization") != "":
			s.refuseBlob(x, http.StatusForbidden, "AuthenticationFailed", authenticationFailed, "Only one of a signature and the Authorization header can be used.")
		case !fits: // a path that was not escaped rightly, too
			s.refuseBlob(x, http.StatusForbidden, "AuthenticationFailed", authenticationFailed, "Signature did not match.")
		case !s.Now().Before(l.expiry):
			s.refuseBlob(x, http.StatusForbidden, "AuthenticationFailed", authenticationFailed, "Signed expiry time ["+l.expiry.Format(http.TimeFormat)+
				"] must be after signed start time ["+s.Now().Format(http.TimeFormat)+"]")
		default:
			if c != l.content {
				s.blobs.wrong.Add(1)
			}
			w.Header().Set("Server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0")
			w.Header().Set("x-ms-blob-type", "BlockBlob")
			x.Send(http.StatusOK, s.Settings().BlobContentType, c.revision.Document().Bytes(c.format))
		}
	})
}

const authenticationFailed = "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature."

// refuseBlob answers as blob storage does (documented by captures).
func (s *Simulator) refuseBlob(x *wire.Exchange, status int, code, message, detail string) {
	if status == http.StatusForbidden {
		s.blobs.refused.Add(1)
	}
	x.W.Header().Set("x-ms-error-code", code)
	body := `<?xml version="1.0" encoding="utf-8"?><Error><Code>` + code + "</Code><Message>" + message + "\nRequestId:" + s.requestID() +
		"\nTime:" + s.Now().Format("2006-01-02T15:04:05.0000000Z") + "</Message>"
	if detail != "" {
		body += "<AuthenticationErrorDetail>" + detail + "</AuthenticationErrorDetail>"
	}
	x.Send(status, "application/xml", []byte(body+"</Error>"))
}

// blobWords are how blob storage says that something went wrong.
type blobWords struct{ *Simulator }

func (b blobWords) Throttled(x *wire.Exchange, f *faults.Fault) {
	retryAfter(x, f)
	b.refuseBlob(x, http.StatusServiceUnavailable, "ServerBusy", "The server is busy.", "")
}

func (b blobWords) Failed(x *wire.Exchange, status int) {
	b.refuseBlob(x, status, strings.ReplaceAll(http.StatusText(status), " ", ""), "The server encountered an internal error.", "")
}

// ErrorBody answers HTTP 200 with an error instead of the document, which the
// real storage is not known to do.
func (b blobWords) ErrorBody(x *wire.Exchange, code string) {
	b.refuseBlob(x, http.StatusOK, code, "The request failed.", "")
}

func (b blobWords) Opening(_ *wire.Exchange, kind faults.Kind) (string, string, string) {
	return opening(kind, `{"openapi":"3.0.1","info":{"title":`)
}
