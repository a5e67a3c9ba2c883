// Package declare reads and writes connectors, profiles, transform maps and the
// data models that people have made as files, and says what applying them would change. It is pure: what there is
// now is handed to it, and package catalog writes what it decides on.
//
// A file is YAML (or JSON) and holds any number of documents:
//
//	kind: connector
//	name: acme
//	provider: qualys
//	settings:
//	  platform: EU2
//	  clientId: 4e1c0f
//	secrets:
//	  clientSecret:
//	    secretRef: env:QUALYS_SECRET     # or file:PATH
//	retest: 6h
//	---
//	kind: profile
//	name: acme-apps
//	connector: acme
//	product: qualys-was
//	filters:
//	  severities: [4, 5]
//	schedule:
//	  when: mon-fri at 06:00
//	  timeZone: Europe/Berlin
//	---
//	kind: map
//	name: acme-application
//	source: qualys-tas.application
//	target: inventory
//	assetClass: application
//	rows:
//	  - from: id
//	    to: asset.assetHeader.externalAssetId
//	---
//	kind: model
//	name: file.scans
//	title: Scans of the lab
//	role: source
//	description: What the scanner exports.
//	fields:
//	  - path: host
//	    type: string
//	    description: Name of the host.
//	    evidence: inferred
//
// What a document leaves out has its default, but for a connector's secrets: a
// secret that is left out stays what it is, and one that is null is taken away.
package declare

import (
	"fmt"

	"sluice/internal/catalog"
	"sluice/internal/transform"
)

// The kinds of documents.
const (
	KindConnector = "connector"
	KindMap       = "map"
	KindModel     = "model"
	KindProfile   = "profile"
)

// A Document declares one connector, model, map or profile: one of the four is set.
type Document struct {
	// Connector has, as secrets, references or sealed texts, never a plain one;
	// an empty one is taken away.
	Connector *catalog.Connector
	// Model is a source model of files.
	Model *transform.Model
	Map   *transform.Map
	// Profile has the connector's name, not its id.
	Profile *catalog.Profile

	file string
	at   map[string]place // of its keys; "" is the document
}

// place is a place in a file, from 1.
type place struct{ line, column int }

// Kind is the document's kind.
func (d Document) Kind() string {
	switch {
	case d.Connector != nil:
		return KindConnector
	case d.Model != nil:
		return KindModel
	case d.Map != nil:
		return KindMap
	}
	return KindProfile
}

// Name is the name of what it declares.
func (d Document) Name() string {
	switch {
	case d.Connector != nil:
		return d.Connector.Name
	case d.Model != nil:
		return d.Model.Name
	case d.Map != nil:
		return d.Map.Name
	}
	return d.Profile.Name
}

// problem is something wrong with the document, at one of its keys.
func (d Document) problem(key, format string, args ...any) transform.Problem {
	at, ok := d.at[key]
	if !ok {
		at = d.at[""]
	}
	return transform.Problem{File: d.file, Line: at.line, Column: at.column,
		Message: fmt.Sprintf("%s %s: ", d.Kind(), d.Name()) + fmt.Sprintf(format, args...)}
}

// OfConnector is the document that declares a connector as it is.
func OfConnector(c catalog.Connector) Document { return Document{Connector: &c} }

// OfProfile is the document that declares a profile as it is.
func OfProfile(p catalog.Profile) Document { return Document{Profile: &p} }

// OfModel is the document that declares a data model as it is.
func OfModel(m *transform.Model) Document { return Document{Model: m} }

// OfMap is the document that declares a transform map as it is.
func OfMap(m catalog.MapVersion) (Document, error) {
	parsed, err := transform.ParseMap("map "+m.Name, []byte(m.Body))
	return Document{Map: parsed}, err
}
