package transform

import "strings"

// A node is a place in the source's records on the way to a field that a row
// reads. Everything that has no node is skipped.
type node struct {
	name     string
	path     string
	index    int
	finding  bool // inside an element of the list of findings
	list     bool // children are fields of its elements
	rules    []*rule
	children []*node
	byName   map[string]*node // of many children only
	first    *rule            // of the first row that reads it, or below it
	capture  int              // where expressions find its value; -1 when none reads it
	holdsID  bool             // an id is here, or below
}

func (p *Program) newNode(name, path string) *node {
	n := &node{name: name, path: path, index: p.nodes, capture: -1}
	p.nodes++
	return n
}

// fewChildren are found faster by comparing than by hashing.
const fewChildren = 16

// child returns the child of that name, or nil.
func (n *node) child(name []byte) *node {
	if n.byName != nil {
		return n.byName[string(name)]
	}
	for _, c := range n.children {
		if c.name == string(name) {
			return c
		}
	}
	return nil
}

func (n *node) add(child *node) {
	n.children = append(n.children, child)
	if len(n.children) <= fewChildren {
		return
	}
	n.byName = make(map[string]*node, len(n.children))
	for _, c := range n.children {
		n.byName[c.name] = c
	}
}

// capture adds the nodes of what a rule's expression reads.
func (p *Program) capture(r *rule) {
	for _, read := range r.expr.reads {
		if read.member.capture < 0 {
			read.member.capture = p.captures
			p.captures++
		}
		p.plant(read.path, r).capture = read.member.capture
		if r.finding && !p.single && read.variable == recordVariable {
			p.ahead = true
		}
	}
}

// plant adds the nodes of a rule's source path, and returns the last of them.
func (p *Program) plant(from Path, r *rule) *node {
	n := p.root
	for _, s := range from.steps {
		child := n.child([]byte(s.name))
		if child == nil {
			path := n.path + "."
			if n.list {
				path = n.path + "[]."
			}
			child = p.newNode(s.name, strings.TrimPrefix(path+s.name, "."))
			child.finding = n.finding || n.list
			child.first = r
			n.add(child)
		}
		if s.list {
			child.list = true
			p.findings = child
		}
		child.holdsID = child.holdsID || r.id
		n = child
	}
	return n
}
