package apispec

import (
	"slices"
	"strings"
)

// draft is what was read of an OpenAPI or Swagger document: as written, since
// what a part means may depend on parts that come behind it.
type draft struct {
	problem string
	flags   []string

	rootKeys          []string
	openapi, swagger  string // version of the format
	title, apiVersion string
	notes             []string

	servers        []string // OpenAPI
	host, basePath string   // Swagger
	schemes        []string

	security        security // for all operations
	securitySchemes []*securityScheme
	asked           map[string]bool // names of schemes that operations ask for

	hasPaths    bool
	notAnObject bool // paths is of another kind
	paths       []*pathItem
	operations  int // of paths and of items together

	parameters map[string]*parameter // shared: components.parameters, parameters
	items      map[string]*pathItem  // shared: components.pathItems
}

// security is the security of an operation, or of all.
type security struct {
	said     bool // there is a list
	required bool // no alternative of it is empty
}

type securityScheme struct {
	name, ref, kind string
	parameter       string // apiKey: the header or query parameter
}

type parameter struct {
	ref, in, name string

	end                 *parameter // what ref leads to, when followed
	following, followed bool
}

type pathItem struct {
	path, ref  string
	parameters []*parameter
	operations []*operation
}

type operation struct {
	method     string
	id         string
	deprecated bool
	parameters []*parameter
	security   security
}

func (d *draft) flag(name string) {
	if !slices.Contains(d.flags, name) {
		d.flags = append(d.flags, name)
	}
}

// full says that there is more of something than is read of one document.
func (d *draft) full(what string, limit int) {
	d.flag(FlagIncomplete)
	if d.problem == "" {
		d.problem = problem("too-many", "the document has more than %d %s, and the rest is not counted", limit, what)
	}
}

// read reads a document from its root. An error says that it could not be read
// to its end; the draft has what was read before.
func (d *draft) read(c cursor) error {
	if c.kind() != object {
		return c.skip()
	}
	return c.members(func(key string) error {
		if len(d.rootKeys) < maxRootKeys {
			d.rootKeys = append(d.rootKeys, clip(key, 64))
		}
		switch key {
		case "openapi":
			return d.text(c, &d.openapi, maxTextBytes)
		case "swagger":
			return d.text(c, &d.swagger, maxTextBytes)
		case "info":
			return d.info(c)
		case "servers":
			return d.serverList(c)
		case "host":
			return d.text(c, &d.host, maxPathBytes)
		case "basePath":
			return d.text(c, &d.basePath, maxPathBytes)
		case "schemes":
			return d.texts(c, &d.schemes, maxSchemes)
		case "security":
			return d.requirements(c, &d.security)
		case "paths":
			d.hasPaths = true
			d.notAnObject = !slices.Contains([]kind{object, null, invalid}, c.kind())
			return d.object(c, func(path string) error { return d.pathItem(c, path) })
		case "components":
			return d.object(c, func(key string) error { return d.component(c, key) })
		case "parameters":
			return d.component(c, "parameters")
		case "securityDefinitions":
			return d.component(c, "securitySchemes")
		case "webhooks":
			d.flag(FlagWebhooks)
		case "x-ms-export-notes":
			d.flag(FlagLossyExport)
			return d.texts(c, &d.notes, maxNotes)
		}
		return nil
	})
}

func (d *draft) info(c cursor) error {
	return d.object(c, func(key string) error {
		switch key {
		case "title":
			return d.text(c, &d.title, maxTextBytes)
		case "version":
			return d.text(c, &d.apiVersion, maxTextBytes)
		case "x-ms-export-notes":
			d.flag(FlagLossyExport)
			return d.texts(c, &d.notes, maxNotes)
		}
		return nil
	})
}

// component reads one map of what is shared, by its name in OpenAPI.
func (d *draft) component(c cursor, key string) error {
	switch key {
	case "parameters":
		return d.object(c, func(name string) error {
			if len(d.parameters) == maxShared {
				d.full("shared parameters", maxShared)
				return nil
			}
			p, err := d.parameter(c)
			if p != nil {
				put(&d.parameters, name, p)
			}
			return err
		})
	case "pathItems":
		return d.object(c, func(name string) error {
			if len(d.items) == maxShared {
				d.full("shared path items", maxShared)
				return nil
			}
			item := &pathItem{}
			put(&d.items, name, item)
			return d.pathMembers(c, item)
		})
	case "securitySchemes":
		return d.object(c, func(name string) error { return d.securityScheme(c, name) })
	}
	return nil
}

// put adds to a map that may not be there yet. Of two entries with one name the
// last one counts, as for every other reader of such documents.
func put[V any](m *map[string]V, name string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[name] = value
}

func (d *draft) securityScheme(c cursor, name string) error {
	if len(d.securitySchemes) == maxSchemes {
		d.full("security schemes", maxSchemes)
		return nil
	}
	s := &securityScheme{name: clip(name, maxTextBytes)}
	d.securitySchemes = append(d.securitySchemes, s)
	return d.object(c, func(key string) error {
		switch key {
		case "$ref":
			return d.text(c, &s.ref, maxPathBytes)
		case "type":
			return d.text(c, &s.kind, maxTextBytes)
		case "name":
			return d.text(c, &s.parameter, maxTextBytes)
		}
		return nil
	})
}

// serverList reads the addresses, with the defaults of their variables.
func (d *draft) serverList(c cursor) error {
	return d.array(c, func() error {
		if len(d.servers) == maxServers {
			d.full("servers", maxServers)
			return nil
		}
		var url string
		var variables []string // name, value, name, value …
		err := d.object(c, func(key string) error {
			switch key {
			case "url":
				return d.text(c, &url, maxPathBytes)
			case "variables":
				return d.object(c, func(name string) error {
					var value string
					err := d.object(c, func(key string) error {
						if key != "default" {
							return nil
						}
						return d.text(c, &value, maxTextBytes)
					})
					if value != "" && len(variables) < maxServers {
						variables = append(variables, "{"+name+"}", value)
					}
					return err
				})
			}
			return nil
		})
		if url != "" {
			d.servers = append(d.servers, clip(strings.NewReplacer(variables...).Replace(url), maxPathBytes))
		}
		return err
	})
}

// texts reads a list of scalars, or the one that stands in its place.
func (d *draft) texts(c cursor, to *[]string, limit int) error {
	one := func() error {
		var text string
		err := d.text(c, &text, maxTextBytes)
		if text != "" && len(*to) < limit {
			*to = append(*to, text)
		}
		return err
	}
	if c.kind() == scalar {
		return one()
	}
	return d.array(c, one)
}
