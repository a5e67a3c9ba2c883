package fo

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/source"
	"sluice/internal/xmlstream"
)

// record reads the record whose start has just been read, writes it to w.out,
// and passes it. It is false when the record is beyond the walk's range.
func (w *walk) record(a *answer) (within bool, err error) {
	if w.call.Split != "" {
		return w.splitRecord(a)
	}
	out, depth := w.out, a.xml.Depth()
	begin := len(out.data)
	out.data, err = a.xml.AppendJSON(out.data, w.call.Shapes, w.session.limits.Record)
	json := out.data[begin:]
	id, known := idOf(json, w.call.ID)
	if err != nil {
		return true, w.failed(a, depth-1, id, json, err)
	}
	if !known {
		w.nameless("it has no "+w.call.ID+" that is a number", json)
		return true, nil
	}
	verdict, err := w.judge(id)
	if verdict != deliver {
		out.drop()
		return verdict != beyond, err
	}
	out.line()
	w.done(id)
	return true, nil
}

// splitRecord reads a record that has parts.
func (w *walk) splitRecord(a *answer) (within bool, err error) {
	depth := a.xml.Depth()
	parts, err := w.lead(a)
	id, known := idOf(append(w.leading, '}'), w.call.ID)
	if err != nil {
		return true, w.failed(a, depth, id, w.leading, err)
	}
	if !known {
		w.nameless(fmt.Sprintf("it has no %s that is a number in front of its %s", w.call.ID, w.call.Split), w.leading)
		return true, w.leave(a, depth, 0)
	}
	verdict, err := w.judge(id)
	if err != nil || verdict != deliver {
		if err == nil && verdict != beyond {
			err = w.leave(a, depth, id)
		}
		return verdict != beyond, err
	}
	w.out.data = append(w.out.data, w.leading...)
	if parts {
		err = w.parts(a, id)
	}
	for more := parts; err == nil && more; {
		if more, err = a.xml.Child(); err == nil && more {
			w.out.data, err = a.xml.AppendMember(w.out.data, w.call.Shapes, w.session.limits.Record)
		}
	}
	if err != nil {
		return true, w.failed(a, depth, id, w.leading, err)
	}
	w.out.data = append(w.out.data, '}')
	w.out.line()
	w.done(id)
	return true, nil
}

// lead reads what stands in front of a record's parts into w.leading, an
// object without its closing brace. It is false when there are no parts: then
// the record has ended.
func (w *walk) lead(a *answer) (parts bool, err error) {
	w.leading = append(w.leading[:0], '{')
	for {
		more, err := a.xml.Child()
		if err != nil || !more {
			return false, err
		}
		if string(a.xml.Name()) == w.call.Split {
			return true, nil
		}
		if w.leading, err = a.xml.AppendMember(w.leading, w.call.Shapes, w.session.limits.Record); err != nil {
			return false, err
		}
	}
}

// parts reads the parts of record id, up to the end of what holds them. The
// line that w.out has begun is ended and begun anew whenever it is full; the
// last one stays open.
func (w *walk) parts(a *answer, id uint64) error {
	out := w.out
	open := fmt.Sprintf(`,"%s":{`, w.call.Split)
	out.data = append(out.data, open...)
	first := true
	for {
		a.goOn()
		more, err := a.xml.Child()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if string(a.xml.Name()) != w.call.Part {
			if err := a.xml.Skip(); err != nil {
				return err
			}
			continue
		}
		if out.unfinished() >= w.session.limits.Split && !first {
			out.data = append(out.data, "]}}"...)
			out.line()
			if err := out.offer(); err != nil {
				return err
			}
			out.data = append(append(out.data, w.leading...), open...)
			first = true
		}
		begin, depth := len(out.data), a.xml.Depth()
		if first {
			out.data = append(out.data, `"`+w.call.Part+`":[`...)
		} else {
			out.data = append(out.data, ',')
		}
		from := len(out.data)
		out.data, err = a.xml.AppendJSON(out.data, w.call.Shapes, w.session.limits.Record)
		if err != nil {
			if !passed(a, depth-1, err) {
				return err
			}
			out.setAside = append(out.setAside, source.SetAside{
				ExternalID: strconv.FormatUint(id, 10),
				Reason:     fmt.Sprintf("a %s of it cannot be read: %v", w.call.Part, err),
				Head:       a.shown(out.data[from:]),
			})
			out.data = out.data[:begin]
			continue
		}
		out.data = w.call.Finish(out.data, from)
		first = false
	}
	if !first {
		out.data = append(out.data, ']')
	}
	out.data = append(out.data, '}')
	return nil
}

// passed says whether reading can go on after an error: what was too large has
// been passed, so that the element at depth is the current one.
func passed(a *answer, depth int, err error) bool {
	var limit *xmlstream.LimitError
	return errors.As(err, &limit) && a.xml.Depth() == depth
}

// failed deals with a record that cannot be read, of which depth is the depth
// at which reading can go on if it was only too large: then it is set aside.
func (w *walk) failed(a *answer, depth int, id uint64, json []byte, err error) error {
	if !passed(a, depth, err) {
		return w.inRecord(a, err, id)
	}
	if id == 0 {
		w.nameless(err.Error(), json)
	} else if verdict, err2 := w.judge(id); verdict != deliver {
		w.out.drop()
		return err2
	} else {
		w.aside(id, err.Error(), json)
		w.done(id)
	}
	return w.leave(a, w.recordDepth, id)
}

// nameless sets a record aside that has no id. Where one id alone was asked for,
// it is that.
func (w *walk) nameless(reason string, json []byte) {
	now := w.todo[len(w.todo)-1]
	if now.low != now.high {
		w.aside(0, reason, json)
		return
	}
	w.inside++
	w.aside(now.low, reason, json)
	w.done(now.low)
}

// aside sets a record aside and drops what there is of it.
func (w *walk) aside(id uint64, reason string, json []byte) {
	s := source.SetAside{Reason: reason, Head: w.answer.shown(json)}
	if id > 0 {
		s.ExternalID = strconv.FormatUint(id, 10)
	}
	w.out.setAside = append(w.out.setAside, s)
	w.out.drop()
}

// leave passes the rest of the element at depth, which is record id.
func (w *walk) leave(a *answer, depth int, id uint64) error {
	for a.xml.Depth() >= depth {
		if err := a.xml.Skip(); err != nil {
			return w.inRecord(a, err, id)
		}
	}
	return nil
}

// inRecord says of an error in which record it happened.
func (w *walk) inRecord(a *answer, err error, id uint64) error {
	err = a.broken(err)
	var u *unreadable
	if errors.As(err, &u) {
		u.inside, u.id = true, id
	}
	return err
}

// idOf is the number under a name in a JSON object, which may be cut. It is
// usually the first member.
func idOf(object []byte, name string) (id uint64, known bool) {
	if rest, ok := bytes.CutPrefix(object, []byte(`{"`+name+`":"`)); ok {
		if end := bytes.IndexByte(rest, '"'); end >= 0 {
			return number(rest[:end])
		}
		return 0, false
	}
	look := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowDuplicateNames(true))
	if token, err := look.ReadToken(); err != nil || token.Kind() != '{' {
		return 0, false
	}
	for look.PeekKind() == '"' {
		member, err := look.ReadToken()
		if err != nil {
			return 0, false
		}
		if member.String() == name {
			value, err := look.ReadToken()
			if err != nil || value.Kind() != '"' {
				return 0, false
			}
			return number([]byte(value.String()))
		}
		if look.SkipValue() != nil {
			return 0, false
		}
	}
	return 0, false
}

// number reads a positive number that has another one above it.
func number(text []byte) (uint64, bool) {
	n, err := strconv.ParseUint(string(text), 10, idBits)
	if err != nil {
		return 0, false
	}
	return n, n > 0
}
