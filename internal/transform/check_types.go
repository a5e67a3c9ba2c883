package transform

// types decides what the source's value is read as, and whether it fits.
func (c *checker) types(i int) {
	b := &c.bindings[i]
	from := b.sourceType()
	if b.many {
		from = Array
	}
	whole := from == Object || from == Array
	b.read = b.target.Type
	switch {
	case b.row.Values != nil:
		if whole {
			c.addf(i, "values", "%s is of type %s, which a table cannot have a row for%s", b.row.from(), from, b.eachByExpr())
		}
		return
	case b.row.Convert != "":
		b.read = Type(b.row.Convert)
		if whole {
			c.addf(i, "convert", "%s is of type %s, which cannot be converted%s", b.row.from(), from, b.eachByExpr())
		}
		if b.target.Type != Any && b.target.Type != b.read {
			c.addf(i, "convert", "%s is of type %s, but convert gives %s", b.row.To, b.target.Type, b.read)
		}
	case !b.fits():
		suggestion := "convert: " + string(b.target.Type)
		hint := "; add " + suggestion
		if whole {
			suggestion, hint = "", "; it can only go to attributes"
		}
		c.add(i, "to", suggestion, "%s is of type %s and %s of type %s%s", b.row.from(), from, b.row.To, b.target.Type, hint)
	}
}

// eachByExpr says what takes the values of a list one by one.
func (b *binding) eachByExpr() string {
	if !b.many {
		return ""
	}
	return ": what is to be done with each element is said by an expression, such as record.tags.map(tag, tag.name)"
}

// sourceType is the type of what a row takes.
func (b *binding) sourceType() Type {
	if b.expr != nil {
		return typeOf(b.expr.result)
	}
	return b.source.Type
}

// fits says whether a row's target takes its source's value as it is.
func (b *binding) fits() bool {
	from, to := b.sourceType(), b.target.Type
	switch {
	case to == Any || to == from:
		return true
	case b.expr == nil:
		return false
	}
	return from == Any || from == Int && (to == Severity || to == Float)
}
