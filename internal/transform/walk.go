package transform

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deep a record's objects and lists may be nested.
const MaxDepth = 64

// What ends the reading of a record, beside errors of syntax.
var (
	errEmpty     = errors.New("is empty")
	errNotObject = errors.New("is not an object")
	errTrailing  = errors.New("has another value after its end")
	errDepth     = fmt.Errorf("is nested deeper than %d levels", MaxDepth)
)

// Lenient is how records are read where nothing is lost by it. Repeated
// names are looked for by the Applier, among the fields that the map reads.
var Lenient = []jsontext.Options{
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
}

// read walks the record.
func (a *Applier) read() error {
	if a.program.ahead && a.readAhead() != nil {
		a.rewind() // what is wrong is found again
	}
	if a.decoder.PeekKind() != '{' {
		if err := a.skip(); errors.Is(err, io.EOF) {
			return errEmpty
		} else if err != nil {
			return err
		}
		return errNotObject
	}
	if err := a.object(a.program.root); err != nil {
		return err
	}
	if _, err := a.decoder.ReadToken(); err == nil {
		return errTrailing
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// readAhead reads the fields of the record that expressions of its findings
// name, since they may come behind the findings.
func (a *Applier) readAhead() error {
	if a.decoder.PeekKind() != '{' {
		return errNotObject
	}
	if _, err := a.decoder.ReadToken(); err != nil {
		return err
	}
	for a.decoder.PeekKind() != '}' {
		name, err := a.decoder.ReadValue()
		if err != nil {
			return err
		}
		child := a.program.root.child(a.fieldName(name))
		raw, err := a.value()
		if err != nil {
			return err
		}
		if child != nil && child.capture >= 0 {
			a.captured[child.capture] = captured{scope: a.assetScope.id, json: a.lasting(raw)}
		}
	}
	a.rewind()
	return nil
}

// rewind begins the record again.
func (a *Applier) rewind() {
	a.input = *bytes.NewBuffer(a.record) // read in place
	a.decoder.Reset(&a.input, Lenient...)
}

// object reads the fields of an object that have nodes and skips the others.
func (a *Applier) object(n *node) error {
	if _, err := a.decoder.ReadToken(); err != nil {
		return err
	}
	var before *node
	for a.decoder.PeekKind() != '}' {
		name, err := a.decoder.ReadValue()
		if err != nil {
			return err
		}
		child := a.childAfter(before, n, a.fieldName(name))
		if child == nil {
			err = a.skip()
		} else {
			before = child
			err = a.field(child)
		}
		if err != nil {
			return err
		}
	}
	_, err := a.decoder.ReadToken()
	return err
}

// childAfter returns the child of that name, which comes behind another one (nil:
// first of all). Records of a source mostly have their fields in one order.
func (a *Applier) childAfter(before, n *node, name []byte) *node {
	if before == nil {
		return n.child(name)
	}
	if guess := a.after[before.index]; guess != nil && guess.name == string(name) {
		return guess
	}
	child := n.child(name)
	if child != nil {
		a.after[before.index] = child
	}
	return child
}

// fieldName returns the text of a quoted name, valid until the next call.
func (a *Applier) fieldName(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	text, _, _ := a.scratch.scalar(quoted)
	return text
}

// field reads the value of a field that a row reads, or reads a part of.
func (a *Applier) field(n *node) error {
	s := a.scope(n.finding)
	if a.entered[n.index] == s.id {
		raw, err := a.value()
		if err == nil {
			a.failTwice(n, s, raw)
		}
		return err
	}
	a.entered[n.index] = s.id

	start := a.decoder.InputOffset()
	kind := a.decoder.PeekKind()
	var raw []byte
	var err error
	switch {
	case n.list && kind == '[':
		err = a.list(n)
		raw = a.since(start)
	case !n.list && len(n.children) > 0 && kind == '{':
		err = a.object(n)
		raw = a.since(start)
	default:
		raw, err = a.value()
		if err == nil && kind != 'n' && string(raw) != `""` && len(n.children) > 0 {
			a.failShape(n, s, raw)
		}
	}
	if err != nil {
		return err
	}
	if n.capture >= 0 {
		a.captured[n.capture] = captured{scope: s.id, json: a.lasting(raw)}
	}
	for _, r := range n.rules {
		a.take(r, a.scope(r.finding), raw)
	}
	return nil
}

// failTwice rejects a field that an object has twice.
func (a *Applier) failTwice(n *node, s *scope, raw []byte) {
	why := failure{n.first.index, n.first.label, printable(raw),
		fmt.Sprintf("is the second %s of the same object, and nobody knows which one is meant", n.path)}
	a.fail(s, why.index, why.row, raw, why.reason)
	if n.holdsID {
		s.idFailed, s.idFailure = true, why
	}
}

// failShape rejects a value that has parts which rows read, but not the shape.
func (a *Applier) failShape(n *node, s *scope, raw []byte) {
	if n.list {
		a.fail(s, n.first.index, n.path+"[]", raw, "is not a list")
	} else {
		a.fail(s, n.first.index, n.first.label, raw, fmt.Sprintf("is in %s, which is not an object", n.path))
	}
}

// list reads the elements of the list of findings.
func (a *Applier) list(n *node) error {
	a.asset.FindingsListed = true
	if _, err := a.decoder.ReadToken(); err != nil {
		return err
	}
	for a.position = 0; a.decoder.PeekKind() != ']'; a.position++ {
		a.enter(&a.findingScope)
		a.finding = Finding{}
		if a.decoder.PeekKind() == '{' {
			if err := a.object(n); err != nil {
				return err
			}
		} else {
			raw, err := a.value()
			if err != nil {
				return err
			}
			a.fail(&a.findingScope, n.first.index, n.path+"[]", raw, "is not an object")
		}
		a.endFinding()
	}
	_, err := a.decoder.ReadToken()
	return err
}

func (a *Applier) endFinding() {
	s := &a.findingScope
	a.compute(&a.program.finding, s)
	a.end(&a.program.finding, s)
	if a.trace != nil {
		a.trace.endFinding(a, s)
	}
	if s.failed {
		a.rejects = append(a.rejects, s.failure.reject("", a.finding.ExternalID, a.position))
		return
	}
	if s.leftOut {
		a.leftOut = append(a.leftOut, LeftOut{FindingID: a.finding.ExternalID, Finding: a.position})
		return
	}
	a.finding.Attributes = a.attributeObject(&a.program.finding, &a.findingScope)
	a.found = append(a.found, a.finding)
	a.positions = append(a.positions, a.position)
}

// value reads a whole value.
func (a *Applier) value() ([]byte, error) {
	if kind := a.decoder.PeekKind(); kind != '{' && kind != '[' {
		return a.decoder.ReadValue()
	}
	start := a.decoder.InputOffset()
	if err := a.skip(); err != nil {
		return nil, err
	}
	return a.since(start), nil
}

// skip passes over a whole value, without allocation.
func (a *Applier) skip() error { return skipValue(a.decoder) }

func skipValue(decoder *jsontext.Decoder) error {
	if kind := decoder.PeekKind(); kind != '{' && kind != '[' {
		_, err := decoder.ReadValue()
		return err
	}
	for depth := decoder.StackDepth(); ; {
		if _, err := decoder.ReadToken(); err != nil {
			return err
		}
		switch now := decoder.StackDepth(); {
		case now > MaxDepth:
			return errDepth
		case now == depth:
			return nil
		}
	}
}

// lasting returns the value that was read last as a part of the record: what
// the decoder returns is only good until it reads on.
func (a *Applier) lasting(raw []byte) []byte {
	end := a.decoder.InputOffset()
	return a.record[end-int64(len(raw)) : end]
}

// since returns the record from the value that begins behind start to here.
func (a *Applier) since(start int64) []byte {
	value := a.record[start:a.decoder.InputOffset()]
	for value[0] <= ' ' || value[0] == ':' || value[0] == ',' {
		value = value[1:]
	}
	return value
}
