package xmlstream

// AttributeNames are the attributes of the element just started that are about
// the element.
func (d *Decoder) AttributeNames() (names []string) {
	for _, a := range d.attrs {
		if !foreign(a.name) {
			names = append(names, string(a.name))
		}
	}
	return names
}
