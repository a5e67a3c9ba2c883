package spec

import (
	"encoding/xml"
	"strings"
)

// escape is a text as it stands in XML.
func escape(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a Builder takes everything
	return out.String()
}

func (d *Document) wadl() []byte {
	var out strings.Builder
	out.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\r\n" +
		`<application xmlns="http://wadl.dev.java.net/2009/02">` + "\r\n" +
		`  <doc title="` + escape(d.Title) + `"></doc>` + "\r\n" +
		`  <resources base="` + escape(d.Gateway+"/"+d.Path) + `">` + "\r\n")
	for i, o := range d.Operations {
		out.WriteString(`    <resource path="` + escape(o.Path) + `"><method name="` + strings.ToUpper(o.Method) +
			`" id="` + escape(d.operationID(i)) + `" /></resource>` + "\r\n")
	}
	out.WriteString("  </resources>\r\n</application>")
	return []byte(out.String())
}

// wsdlNamespace is where the simulated SOAP services come from.
const wsdlNamespace = "http://soap.example.invalid/"

func (d *Document) wsdl() []byte {
	var types, messages, port, binding strings.Builder
	for i := range d.Operations {
		name := escape(d.operationID(i))
		types.WriteString(`<xs:element name="` + name + `"><xs:complexType><xs:sequence><xs:element name="id" type="xs:string"/></xs:sequence></xs:complexType></xs:element>`)
		messages.WriteString(`  <wsdl:message name="` + name + `Request"><wsdl:part name="parameters" element="tns:` + name + `"/></wsdl:message>` + "\r\n")
		port.WriteString(`    <wsdl:operation name="` + name + `"><wsdl:input message="tns:` + name + `Request"/></wsdl:operation>` + "\r\n")
		binding.WriteString(`    <wsdl:operation name="` + name + `"><soap:operation soapAction="` + wsdlNamespace + name + `" style="document"/></wsdl:operation>` + "\r\n")
	}
	title := escape(d.Title)
	return []byte(`<?xml version="1.0" encoding="utf-8"?>` + "\r\n" +
		`<wsdl:definitions name="` + title + `" targetNamespace="` + wsdlNamespace + `" xmlns:tns="` + wsdlNamespace +
		`" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/">` + "\r\n" +
		`  <wsdl:types><xs:schema targetNamespace="` + wsdlNamespace + `">` + types.String() + "</xs:schema></wsdl:types>\r\n" +
		messages.String() +
		"  <wsdl:portType name=\"Port\">\r\n" + port.String() + "  </wsdl:portType>\r\n" +
		"  <wsdl:binding name=\"Binding\" type=\"tns:Port\"><soap:binding transport=\"http://schemas.xmlsoap.org/soap/http\"/>\r\n" +
		binding.String() + "  </wsdl:binding>\r\n" +
		"  <wsdl:service name=\"" + title + "\"><wsdl:port name=\"Port\" binding=\"tns:Binding\"><soap:address location=\"" +
		escape(d.Gateway+"/"+d.Path) + "\"/></wsdl:port></wsdl:service>\r\n</wsdl:definitions>")
}

// graphQL has a field of Query for operations with GET, and one of Mutation for
// the others.
func (d *Document) graphQL() []byte {
	fields := map[string][]string{}
	for i, o := range d.Operations {
		kind := "Query"
		if o.Method != "GET" {
			kind = "Mutation"
		}
		fields[kind] = append(fields[kind], "  "+d.operationID(i)+"(id: ID): Record\n")
	}
	out := "\"\"\"" + strings.ReplaceAll(d.Title, `"`, "'") + "\"\"\"\ntype Record {\n  id: ID!\n  name: String\n}\n"
	for _, kind := range []string{"Query", "Mutation"} {
		if fields[kind] != nil {
			out += "\ntype " + kind + " {\n" + strings.Join(fields[kind], "") + "}\n"
		}
	}
	return []byte(out)
}
