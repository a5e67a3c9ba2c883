package wire

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"

	"sluice/internal/simulator/faults"
)

// interfere serves the faults that replace or delay a whole answer, and tells
// whether the call is over.
func (x *Exchange) interfere() bool {
	for i := range x.faults {
		f := &x.faults[i]
		switch f.Kind {
		case faults.Slow:
			x.Plan.Served(f.Kind)
			if !pause(x.R.Context(), f.Delay) {
				return true
			}
		case faults.RevokeTokens: // the check of this call's own token follows
			x.Plan.Served(f.Kind)
			x.Revoke()
		case faults.Trickle:
			x.Plan.Served(f.Kind)
		default:
			if !f.Kind.ReplacesAnswer() {
				continue // while the answer is written
			}
			x.Plan.Served(f.Kind)
			x.replace(f)
			return true
		}
	}
	return false
}

// replace answers with the fault instead of what was asked for.
func (x *Exchange) replace(f *faults.Fault) {
	h := x.W.Header()
	switch f.Kind {
	case faults.HangUp:
		panic(http.ErrAbortHandler)
	case faults.Throttle:
		x.words.Throttled(x, f)
	case faults.HTTPError:
		status := f.Status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		if f.HTML {
			x.Send(status, HTML, []byte("<html><head><title>"+strconv.Itoa(status)+" "+http.StatusText(status)+
				"</title></head><body><center><h1>"+http.StatusText(status)+"</h1></center><hr><center>nginx</center></body></html>"))
			return
		}
		x.words.Failed(x, status)
	case faults.ErrorBody:
		code := f.Code
		if code == "" {
			code = "OTHER_ERROR"
		}
		x.words.ErrorBody(x, code)
	case faults.LoginPage:
		x.Send(http.StatusOK, HTML, []byte(
			`<!DOCTYPE html><html><head><title>Login</title></head><body><form action="/login" method="post">`+
				`<input name="username"><input name="password" type="password"></form></body></html>`))
	case faults.Redirect:
		location := f.Location
		if location == "" {
			location = "http://127.0.0.2:9" + x.R.URL.Path
		}
		h.Set("Location", location)
		x.Send(http.StatusTemporaryRedirect, HTML, nil)
	case faults.EndlessBody:
		x.endless(f.Kind, f.Bytes, x.Body())
	case faults.DeepNesting:
		depth := f.Bytes
		if depth == 0 {
			depth = 1_000_000
		}
		x.endless(f.Kind, depth, x.Body())
	case faults.GzipBomb:
		size := f.Bytes
		if size == 0 {
			size = 1 << 30
		}
		h.Set("Content-Encoding", "gzip")
		packed, err := gzip.NewWriterLevel(x.Body(), gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant
		}
		x.endless(f.Kind, size, packed)
		_ = packed.Close()
	}
}

// endless writes the beginning of a good answer and then a filler over and
// over: as often as times says, or, when it is 0, until the caller hangs up.
func (x *Exchange) endless(kind faults.Kind, times int64, out io.Writer) {
	contentType, beginning, filler := x.words.Opening(x, kind)
	x.W.Header().Set("Content-Type", contentType)
	perChunk := int64(32<<10) / int64(len(filler))
	chunk := []byte(strings.Repeat(filler, int(perChunk)))
	_, err := io.WriteString(out, beginning)
	for sent := int64(0); err == nil && x.R.Context().Err() == nil && (times == 0 || sent < times); {
		n := perChunk
		if times > 0 {
			n = min(n, times-sent)
		}
		_, err = out.Write(chunk[:n*int64(len(filler))])
		sent += n
	}
}
