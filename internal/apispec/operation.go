package apispec

import "strings"

// methods are those that a path item has members for: OpenAPI 3.2 added query.
var methods = map[string]bool{
	"get": true, "put": true, "post": true, "delete": true, "options": true,
	"head": true, "patch": true, "trace": true, "query": true,
}

// pathItem reads one entry of paths. Extensions (x-…) are none.
func (d *draft) pathItem(c cursor, path string) error {
	switch {
	case strings.HasPrefix(strings.ToLower(path), "x-"):
		return nil
	case len(d.paths) == maxPaths:
		d.full("paths", maxPaths)
		return nil
	case !strings.HasPrefix(path, "/"):
		d.flag(FlagInvalid)
	}
	item := &pathItem{path: clip(path, maxPathBytes)}
	d.paths = append(d.paths, item)
	return d.pathMembers(c, item)
}

func (d *draft) pathMembers(c cursor, item *pathItem) error {
	return d.object(c, func(key string) error {
		method := strings.ToLower(key)
		switch {
		case methods[method]:
			if method != key {
				d.flag(FlagInvalid)
			}
			return d.operation(c, item, method)
		case key == "additionalOperations": // OpenAPI 3.2: any other method
			return d.object(c, func(method string) error { return d.operation(c, item, clip(method, 64)) })
		case key == "parameters":
			return d.parameterList(c, &item.parameters)
		case key == "$ref":
			return d.text(c, &item.ref, maxPathBytes)
		}
		return nil
	})
}

// operation reads an operation. One without any content is counted too: its
// method and path are known.
func (d *draft) operation(c cursor, item *pathItem, method string) error {
	if d.operations == maxEndpoints {
		d.full("operations", maxEndpoints)
		return nil
	}
	d.operations++
	op := &operation{method: strings.ToUpper(method)}
	item.operations = append(item.operations, op)
	if c.kind() != object {
		d.flag(FlagInvalid)
	}
	return d.object(c, func(key string) error {
		switch key {
		case "operationId":
			return d.text(c, &op.id, maxTextBytes)
		case "deprecated":
			var text string
			err := d.text(c, &text, 8)
			op.deprecated = strings.EqualFold(text, "true")
			return err
		case "parameters":
			return d.parameterList(c, &op.parameters)
		case "security":
			return d.requirements(c, &op.security)
		}
		return nil
	})
}

// parameterList reads parameters. Some documents have an object of them in
// place of the list.
func (d *draft) parameterList(c cursor, to *[]*parameter) error {
	one := func() error {
		if len(*to) == maxParameters {
			d.full("parameters of an operation", maxParameters)
			return nil
		}
		p, err := d.parameter(c)
		if p != nil {
			*to = append(*to, p)
		}
		return err
	}
	if c.kind() == object {
		d.flag(FlagInvalid)
		return c.members(func(string) error { return one() })
	}
	return d.array(c, one)
}

// parameter is nil when there is no object.
func (d *draft) parameter(c cursor) (*parameter, error) {
	if c.kind() != object {
		d.flag(FlagInvalid)
		return nil, c.skip()
	}
	p := &parameter{}
	return p, c.members(func(key string) error {
		switch key {
		case "$ref":
			return d.text(c, &p.ref, maxPathBytes)
		case "in":
			return d.text(c, &p.in, maxTextBytes)
		case "name":
			return d.text(c, &p.name, maxTextBytes)
		}
		return nil
	})
}

// requirements reads a list of alternatives. An empty list, and an alternative
// that asks for nothing, mean that no authentication is needed. Some documents
// have an object, or the name of a scheme, in place of an alternative or of
// the list: that asks for something too.
func (d *draft) requirements(c cursor, to *security) error {
	switch c.kind() {
	case invalid, null:
		return c.skip()
	case array:
	default:
		*to = security{said: true, required: true}
		d.flag(FlagInvalid)
		_, err := d.alternative(c)
		return err
	}
	alternatives, free := 0, false
	err := c.elements(func() error {
		alternatives++
		names, err := d.alternative(c)
		free = free || names == 0
		return err
	})
	*to = security{said: true, required: alternatives > 0 && !free}
	return err
}

// alternative returns how many schemes an alternative asks for.
func (d *draft) alternative(c cursor) (names int, err error) {
	ask := func(name string) {
		names++
		if len(d.asked) < maxShared {
			put(&d.asked, clip(name, maxTextBytes), true)
		}
	}
	switch c.kind() {
	case object:
		return names, c.members(func(name string) error { ask(name); return nil })
	case scalar:
		d.flag(FlagInvalid)
		text, err := c.text()
		ask(text)
		return names, err
	}
	d.flag(FlagInvalid)
	return 0, c.skip()
}
