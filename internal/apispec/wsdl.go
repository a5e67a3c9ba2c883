package apispec

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"sluice/internal/xmlstream"
)

// wsdlReader collects what a WSDL document says. WSDL 1.1 has definitions with
// port types, WSDL 2.0 a description with interfaces.
type wsdlReader struct {
	*xmlstream.Decoder
	summary Summary
	parts   map[string]int // of each message
	inputs  []string       // message of each endpoint
	name    string         // of the document
}

func summariseXML(data []byte) Summary {
	r := &wsdlReader{Decoder: xmlstream.NewDecoder(bytes.NewReader(decodeXML(data)), xmlstream.Limits{}), parts: map[string]int{}}
	r.summary.Format = Unknown
	err := r.read()
	s := &r.summary
	var cut *xmlstream.TruncatedError
	switch {
	case errors.As(err, &cut):
		s.flag(FlagTruncated)
		s.Problem = problem("truncated", "%v; what stands before that was read", err)
	case err != nil && s.Format == WSDL && r.Depth() == 0:
		s.flag(FlagTrailingData)
	case err != nil:
		s.flag(FlagInvalid)
		s.Problem = problem("invalid-xml", "%v; what stands before that was read", err)
	}
	if s.Format == WSDL {
		r.finish()
	}
	return *s
}

func (r *wsdlReader) read() error {
	if _, err := r.Child(); err != nil {
		return err
	}
	switch root := local(r.Name()); root {
	case "definitions":
		r.summary.Version = "1.1"
	case "description":
		r.summary.Version = "2.0"
	default:
		r.summary.Problem = problem("unknown-format", "it is no specification that is known: its root element is <%s>", clip(root, 64))
		return nil
	}
	r.summary.Format = WSDL
	r.name = r.attr("name")
	err := r.children(func(element string) error {
		switch element {
		case "portType", "interface":
			portType := r.attr("name")
			return r.children(func(element string) error { return r.operation(element, portType) })
		case "message":
			return r.message()
		case "service":
			return r.service()
		case "types":
			return r.children(func(element string) error {
				if element == "schema" {
					return r.children(r.imports)
				}
				return nil
			})
		}
		return r.imports(element)
	})
	if err != nil {
		return err
	}
	if _, err = r.Next(); errors.Is(err, io.EOF) {
		return nil
	}
	return err // of what should not be there
}

// children calls visit at the start of each child of the current element, which
// it may pass or leave.
func (r *wsdlReader) children(visit func(element string) error) error {
	for {
		depth := r.Depth()
		if more, err := r.Child(); err != nil || !more {
			return err
		}
		if err := visit(local(r.Name())); err != nil {
			return err
		}
		if r.Depth() > depth {
			if err := r.Skip(); err != nil {
				return err
			}
		}
	}
}

func (r *wsdlReader) operation(element, portType string) error {
	if element != "operation" {
		return nil
	}
	s := &r.summary
	if len(s.Endpoints) == maxEndpoints {
		r.full("operations")
		return nil
	}
	name := r.attr("name")
	s.Endpoints = append(s.Endpoints, Endpoint{
		Method: "SOAP", Path: portType + "/" + name, OperationID: name, Security: SecurityUnknown,
	})
	r.inputs = append(r.inputs, "")
	return r.children(func(element string) error {
		if element == "input" {
			r.inputs[len(r.inputs)-1] = unprefixed(r.attr("message"))
		}
		return nil
	})
}

func (r *wsdlReader) message() error {
	name := r.attr("name")
	if len(r.parts) == maxShared {
		r.full("messages")
		return nil
	}
	r.parts[name] = 0
	return r.children(func(element string) error {
		if element == "part" {
			r.parts[name]++
		}
		return nil
	})
}

// service has the address of each port: as an attribute of an extension in
// WSDL 1.1, of the endpoint itself in 2.0.
func (r *wsdlReader) service() error {
	if r.summary.Title == "" {
		r.summary.Title = r.attr("name")
	}
	return r.children(func(element string) error {
		r.server(r.attr("address"))
		return r.children(func(element string) error {
			if element == "address" {
				r.server(r.attr("location"))
			}
			return nil
		})
	})
}

func (r *wsdlReader) server(address string) {
	s := &r.summary
	if address != "" && len(s.Servers) < maxServers && !slices.Contains(s.Servers, address) {
		s.Servers = append(s.Servers, address)
	}
}

func (r *wsdlReader) imports(element string) error {
	if (element == "import" || element == "include") && r.attr("location")+r.attr("schemaLocation") != "" {
		r.summary.flag(FlagExternalReferences)
	}
	return nil
}

// finish puts together what may have come in any order.
func (r *wsdlReader) finish() {
	s := &r.summary
	if s.Title == "" {
		s.Title = r.name
	}
	d := &draft{}
	all := collector{seen: map[[2]string]bool{}, ids: map[string]bool{}, flag: d.flag}
	for i, e := range s.Endpoints {
		e.Parameters = r.parts[r.inputs[i]]
		all.add(e)
	}
	s.Endpoints = all.endpoints
	if len(s.Endpoints) == 0 {
		d.flag(FlagNoEndpoints)
	}
	d.checkServers(s.Servers)
	s.setFlags(append(s.Flags, d.flags...))
}

func (r *wsdlReader) full(what string) {
	if s := &r.summary; s.Problem == "" {
		s.flag(FlagIncomplete)
		s.Problem = problem("too-many", "the document has too many %s, and the rest is not counted", what)
	}
}

func (r *wsdlReader) attr(name string) string {
	value, _ := r.Attr(name)
	return clip(strings.TrimSpace(string(value)), maxTextBytes)
}

// local is the name of an element without its prefix.
func local(name []byte) string { return unprefixed(string(name)) }

func unprefixed(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }
