package xmlstream

import "bytes"

// An attribute of the element just started, as it stands in the window.
type attribute struct {
	name, raw []byte
	decoded   bool // raw is not as it stands any more
}

// readAttributes takes a tag apart, behind its name.
func (d *Decoder) readAttributes(tag []byte) error {
	d.values = d.values[:0]
	for tag = trimSpace(tag); len(tag) > 0; tag = trimSpace(tag) {
		n := 0
		for n < len(tag) && isName[tag[n]] {
			n++
		}
		name, rest := tag[:n], trimSpace(tag[n:])
		if !validName(name) {
			return d.malformed("an attribute has no valid name")
		}
		if len(rest) == 0 || rest[0] != '=' {
			return d.malformed("the attribute %s has no value", name)
		}
		rest = trimSpace(rest[1:])
		if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
			return d.malformed("the value of the attribute %s is not in quotes", name)
		}
		end := bytes.IndexByte(rest[1:], rest[0]) + 1
		if end == 0 {
			return d.malformed("the value of the attribute %s does not end", name)
		}
		if len(d.attrs) == d.limits.Attributes {
			return d.tooLarge("the number of attributes", d.limits.Attributes)
		}
		for i := range d.attrs {
			if bytes.Equal(d.attrs[i].name, name) {
				return d.malformed(reasonTwice)
			}
		}
		d.attrs = append(d.attrs, attribute{name: name, raw: rest[1:end]})
		tag = rest[end+1:]
	}
	return nil
}

// value decodes an attribute's value, once.
func (d *Decoder) value(i int) []byte {
	a := &d.attrs[i]
	if !a.decoded && plain(a.raw, true) < len(a.raw) {
		begin := len(d.values)
		d.values, _ = decode(d.values, a.raw, true, true)
		a.raw = d.values[begin:]
	}
	a.decoded = true
	return a.raw
}

// foreign says whether an attribute is about XML and not about the element:
// the declaration of a namespace, or where a schema is.
func foreign(name []byte) bool {
	return string(name) == "xmlns" || bytes.HasPrefix(name, []byte("xmlns:")) || bytes.HasPrefix(name, []byte("xsi:"))
}
