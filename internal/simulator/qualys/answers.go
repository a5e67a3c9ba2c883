package qualys

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/internal/simulator/faults"
)

const (
	contentJSON = "application/json;charset=UTF-8"
	contentHTML = "text/html;charset=UTF-8"
)

// send writes a small answer; a cut or truncated one stops half way.
func (x *exchange) send(status int, contentType string, body []byte) {
	cut, truncate := x.fault(faults.Cut), x.fault(faults.Truncate)
	x.w.Header().Set("Content-Type", contentType)
	x.w.WriteHeader(status)
	if cut == nil && truncate == nil {
		// A caller that has gone away is no concern of ours, here and below.
		_, _ = x.body().Write(body)
		return
	}
	_, _ = x.body().Write(body[:len(body)/2])
	x.breakOff(cut != nil)
}

// breakOff ends an answer that is not complete: the connection closes, or the
// body ends as if that were all.
func (x *exchange) breakOff(closing bool) {
	if !closing {
		x.Service.faults.Served(faults.Truncate)
		return
	}
	x.Service.faults.Served(faults.Cut)
	_ = http.NewResponseController(x.w).Flush()
	panic(http.ErrAbortHandler)
}

// gatewayError answers in the shape of the gateway's own errors (documented for
// 403, inferred for the others).
func (x *exchange) gatewayError(status int, message string) {
	body, err := json.Marshal(struct {
		ErrorCode string `json:"errorCode"`
		Message   string `json:"message"`
		Timestamp int64  `json:"timestamp"`
	}{
		strconv.Itoa(status) + " " + strings.ToUpper(strings.ReplaceAll(http.StatusText(status), " ", "_")),
		message,
		x.now().UnixMilli(),
	})
	if err != nil {
		panic(err) // strings and a number
	}
	x.send(status, contentJSON, body)
}

// serviceError answers HTTP 200 with an error in the body (documented for the
// QPS APIs).
func (x *exchange) serviceError(code, message, resolution string) {
	type details struct {
		ErrorMessage    string `json:"errorMessage"`
		ErrorResolution string `json:"errorResolution,omitempty"`
	}
	type response struct {
		ResponseCode         string  `json:"responseCode"`
		ResponseErrorDetails details `json:"responseErrorDetails"`
	}
	var answer any = response{code, details{message, resolution}}
	if x.Settings().Dialect == QPS {
		answer = map[string]any{"ServiceResponse": answer}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // strings only
	}
	x.send(http.StatusOK, contentJSON, body)
}

// interfere serves the faults that replace or delay a whole answer, and tells
// whether the call is over.
func (x *exchange) interfere() bool {
	for i := range x.faults {
		f := &x.faults[i]
		switch f.Kind {
		case faults.Slow:
			x.Service.faults.Served(f.Kind)
			if !pause(x.r.Context(), f.Delay) {
				return true
			}
		case faults.RevokeTokens: // the check of this call's own token follows
			x.Service.faults.Served(f.Kind)
			x.RevokeTokens()
		case faults.Trickle:
			x.Service.faults.Served(f.Kind)
		case faults.Cut, faults.Truncate, faults.RepeatPage, faults.Duplicate, faults.OmitRecord, faults.EmptyForever,
			faults.ShiftCount, faults.ShiftTotal, faults.WithoutMarker: // while the answer is written
		default:
			x.Service.faults.Served(f.Kind)
			x.replace(f)
			return true
		}
	}
	return false
}

// replace answers with the fault instead of what was asked for.
func (x *exchange) replace(f *faults.Fault) {
	h := x.w.Header()
	switch f.Kind {
	case faults.HangUp:
		panic(http.ErrAbortHandler)
	case faults.Throttle:
		// Documented: 429 with X-RateLimit headers; some modules send none, so
		// without RetryAfter there is none.
		if f.RetryAfter > 0 {
			wait := strconv.Itoa(f.RetryAfter)
			h.Set("Retry-After", wait)
			h.Set("X-RateLimit-Limit", "300")
			h.Set("X-RateLimit-Window-Sec", "3600")
			h.Set("X-RateLimit-Remaining", "0")
			h.Set("X-RateLimit-ToWait-Sec", wait)
		}
		x.gatewayError(http.StatusTooManyRequests, "Request limit exceeded")
	case faults.HTTPError:
		status := f.Status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		if f.HTML {
			x.send(status, contentHTML, []byte("<html><head><title>"+strconv.Itoa(status)+" "+http.StatusText(status)+
				"</title></head><body><center><h1>"+http.StatusText(status)+"</h1></center><hr><center>nginx</center></body></html>"))
			return
		}
		x.gatewayError(status, "The request could not be processed")
	case faults.ErrorBody:
		switch f.Code {
		case "", "OTHER_ERROR":
			x.serviceError("OTHER_ERROR", "An error occurred during request processing. Please contact your account manager.", "")
		case "INVALID_CREDENTIALS":
			x.serviceError(f.Code, "Authentication failed", "Verify both, user and password credentials.")
		default:
			x.serviceError(f.Code, "The request was refused", "")
		}
	case faults.LoginPage:
		x.send(http.StatusOK, contentHTML, []byte(
			`<!DOCTYPE html><html><head><title>Login</title></head><body><form action="/login" method="post">`+
				`<input name="username"><input name="password" type="password"></form></body></html>`))
	case faults.Redirect:
		location := f.Location
		if location == "" {
			location = "http://127.0.0.2:9" + x.r.URL.Path
		}
		h.Set("Location", location)
		x.send(http.StatusTemporaryRedirect, contentHTML, nil)
	case faults.EndlessBody:
		x.endless(`{"ServiceResponse":{"responseCode":"SUCCESS","count":1,"data":[{"id":1,"name":"`, 'a', f.Bytes, x.body())
	case faults.DeepNesting:
		depth := f.Bytes
		if depth == 0 {
			depth = 1_000_000
		}
		x.endless(`{"ServiceResponse":{"responseCode":"SUCCESS","count":1,"data":[`, '[', depth, x.body())
	case faults.GzipBomb:
		size := f.Bytes
		if size == 0 {
			size = 1 << 30
		}
		h.Set("Content-Encoding", "gzip")
		packed, err := gzip.NewWriterLevel(x.body(), gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant
		}
		x.endless(`{"ServiceResponse":`, ' ', size, packed)
		_ = packed.Close()
	}
}

// endless writes a beginning and then one byte over and over: as often as size
// says, or, when it is 0, until the caller hangs up.
func (x *exchange) endless(beginning string, filler byte, size int64, out io.Writer) {
	x.w.Header().Set("Content-Type", contentJSON)
	chunk := []byte(strings.Repeat(string(filler), 32<<10))
	_, err := io.WriteString(out, beginning)
	for sent := int64(0); err == nil && x.r.Context().Err() == nil && (size == 0 || sent < size); {
		n := int64(len(chunk))
		if size > 0 {
			n = min(n, size-sent)
		}
		_, err = out.Write(chunk[:n])
		sent += n
	}
}

// body is where the answer goes, slowly when a fault says so.
func (x *exchange) body() io.Writer {
	f := x.fault(faults.Trickle)
	if f == nil {
		return x.w
	}
	size := int(f.Bytes)
	if size == 0 {
		size = 64
	}
	return &trickle{ctx: x.r.Context(), w: x.w, size: size, delay: f.Delay}
}

// trickle passes on a few bytes at a time.
type trickle struct {
	ctx   context.Context
	w     http.ResponseWriter
	size  int
	delay time.Duration
}

func (t *trickle) Write(b []byte) (int, error) {
	written := 0
	for len(b) > 0 {
		n, err := t.w.Write(b[:min(t.size, len(b))])
		written += n
		if err != nil {
			return written, err
		}
		b = b[n:]
		_ = http.NewResponseController(t.w).Flush()
		if !pause(t.ctx, t.delay) {
			return written, t.ctx.Err()
		}
	}
	return written, nil
}

// pause waits, and tells whether it was left to.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
