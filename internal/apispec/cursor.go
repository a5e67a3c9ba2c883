package apispec

// kind is what a value of a document is.
type kind byte

const (
	invalid kind = iota // there is no readable value
	object
	array
	scalar // string, number or boolean
	null
)

// cursor stands at a value of a JSON or YAML document. Errors are final: the
// document cannot be read any further.
type cursor interface {
	// kind of the value at hand, which stays at hand.
	kind() kind
	// members passes an object. visit is called with the cursor at the value of
	// each member, and may pass it or leave it.
	members(visit func(name string) error) error
	// elements passes an array in the same way.
	elements(visit func() error) error
	// text passes a scalar and returns its text: of a number the digits as
	// written, so that version 1.0 stays "1.0".
	text() (string, error)
	// skip passes any value.
	skip() error
}

// object passes an object, and anything else that stands in its place: null is
// the same as absent, all other kinds are against the format.
func (d *draft) object(c cursor, visit func(name string) error) error {
	if d.is(c, object) {
		return c.members(visit)
	}
	return c.skip()
}

func (d *draft) array(c cursor, visit func() error) error {
	if d.is(c, array) {
		return c.elements(visit)
	}
	return c.skip()
}

// text reads a scalar of at most n bytes into a field, unless it has one.
func (d *draft) text(c cursor, field *string, n int) error {
	if !d.is(c, scalar) {
		return c.skip()
	}
	text, err := c.text()
	if *field == "" {
		*field = clip(text, n)
	}
	return err
}

func (d *draft) is(c cursor, want kind) bool {
	got := c.kind()
	if got != want && got != null && got != invalid {
		d.flag(FlagInvalid)
	}
	return got == want
}
