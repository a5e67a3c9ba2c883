package azure

import (
	"fmt"
	"strings"
)

// filter is a conjunction of conditions on the fields of a row; none fits all.
type filter []condition

type condition struct {
	field string // lower case
	op    string // eq, ne, gt, ge, lt, le, contains, startswith or endswith
	value any    // text or boolean
}

// parseFilter understands what is documented of OData's filters, joined by
// "and": field op value, contains(field,'text'), startswith, endswith, and
// substringof('text',field).
func parseFilter(text string) (filter, error) {
	var out filter
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for _, part := range splitOutside(text, " and ") {
		c, err := parseCondition(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// splitOutside splits at a separator that is not inside quotes.
func splitOutside(text, separator string) []string {
	var out []string
	quoted, from := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\'':
			quoted = !quoted
		case !quoted && i >= from && len(text)-i >= len(separator) && strings.EqualFold(text[i:i+len(separator)], separator):
			out = append(out, text[from:i])
			from = i + len(separator)
		}
	}
	return append(out, text[from:])
}

func parseCondition(text string) (condition, error) {
	bad := fmt.Errorf("'%s'", text)
	if name, arguments, isCall := strings.Cut(text, "("); isCall && strings.HasSuffix(arguments, ")") {
		args := splitOutside(strings.TrimSuffix(arguments, ")"), ",")
		name = strings.ToLower(strings.TrimSpace(name))
		if len(args) != 2 {
			return condition{}, bad
		}
		switch name {
		case "substringof":
			name, args[0], args[1] = "contains", args[1], args[0]
		case "contains", "startswith", "endswith":
		default:
			return condition{}, bad
		}
		value, ok := literal(args[1])
		if _, isText := value.(string); !ok || !isText {
			return condition{}, bad
		}
		return condition{strings.ToLower(strings.TrimSpace(args[0])), name, value}, nil
	}
	words := strings.SplitN(text, " ", 3)
	if len(words) != 3 {
		return condition{}, bad
	}
	op := strings.ToLower(words[1])
	switch op {
	case "eq", "ne", "gt", "ge", "lt", "le":
	default:
		return condition{}, bad
	}
	value, ok := literal(words[2])
	if !ok {
		return condition{}, bad
	}
	return condition{strings.ToLower(words[0]), op, value}, nil
}

// literal is a quoted text, in which a quote is doubled, or a boolean.
func literal(text string) (any, bool) {
	text = strings.TrimSpace(text)
	switch {
	case len(text) >= 2 && text[0] == '\'' && text[len(text)-1] == '\'':
		return strings.ReplaceAll(text[1:len(text)-1], "''", "'"), true
	case strings.EqualFold(text, "true"):
		return true, true
	case strings.EqualFold(text, "false"):
		return false, true
	}
	return nil, false
}

// of returns the rows that fit.
func (f filter) of(rows []row) ([]row, error) {
	if f == nil {
		return rows, nil
	}
	var out []row
	for _, r := range rows {
		var fields map[string]any
		if r.fields != nil {
			fields = r.fields()
		}
		fits, err := f.fits(fields)
		if err != nil {
			return nil, err
		}
		if fits {
			out = append(out, r)
		}
	}
	return out, nil
}

// fits tells whether a row has what all conditions ask for. Texts are compared
// without regard to case.
func (f filter) fits(fields map[string]any) (bool, error) {
	for _, c := range f {
		has, known := fields[c.field]
		if !known {
			return false, fmt.Errorf("the field '%s' cannot be filtered by", c.field)
		}
		if !c.fits(has) {
			return false, nil
		}
	}
	return true, nil
}

func (c condition) fits(has any) bool {
	if flag, isFlag := has.(bool); isFlag {
		want, ok := c.value.(bool)
		return ok && (c.op == "eq" && flag == want || c.op == "ne" && flag != want)
	}
	text, _ := has.(string)
	want, ok := c.value.(string)
	if !ok {
		return false
	}
	text, want = strings.ToLower(text), strings.ToLower(want)
	switch c.op {
	case "eq":
		return text == want
	case "ne":
		return text != want
	case "gt":
		return text > want
	case "ge":
		return text >= want
	case "lt":
		return text < want
	case "le":
		return text <= want
	case "contains":
		return strings.Contains(text, want)
	case "startswith":
		return strings.HasPrefix(text, want)
	}
	return strings.HasSuffix(text, want)
}
