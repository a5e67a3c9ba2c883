package transform

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
)

var (
	undeclared = regexp.MustCompile(`undeclared reference to '([^']*)'`)
	overload   = regexp.MustCompile(`found no matching overload for '([^']+)' applied to '([^']*)'`)
)

// explain says what is wrong in words that name the model's fields.
func (e *expressions) explain(text string, env *cel.Env, issues *cel.Issues) *mistake {
	first := issues.Errors()[0]
	f := &mistake{message: "is not valid: " + printable([]byte(first.Message))}
	if line := first.Location.Line(); line == 1 && !strings.Contains(text, "\n") {
		f.character = first.Location.Column() + 1
	}
	if strings.Contains(first.Message, "undefined field") && len(e.types.unknown) > 0 {
		missing := e.types.unknown[0]
		o := e.types.objects[missing.object]
		f.suggestion = o.meant(missing.name)
		f.message = fmt.Sprintf("names a field %q that %s does not have%s", missing.name, e.nameOf(o.path), suggest(missing.name, o.names))
		if strings.HasPrefix(f.suggestion, "`") {
			f.message = fmt.Sprintf("names a field %q that %s does not have; a name that is no identifier stands in backticks: .%s", missing.name, e.nameOf(o.path), f.suggestion)
		}
	} else if match := undeclared.FindStringSubmatch(first.Message); match != nil {
		f.suggestion = e.meant(match[1], env)
		f.message = fmt.Sprintf("names %q, which is neither a variable nor a function", match[1])
		switch {
		case strings.EqualFold(match[1], "now"):
			f.message, f.suggestion = "asks what time it is, which it cannot know: it would say something else of the same record tomorrow", ""
		case f.suggestion != "":
			f.message += fmt.Sprintf("; did you mean %q?", f.suggestion)
		}
	} else if match := overload.FindStringSubmatch(first.Message); match != nil {
		f.message = fmt.Sprintf("has %s, which does not take %s", strings.Trim(match[1], "_"), match[2])
		if match[1] == operators.Index && strings.HasPrefix(match[2], "(object(") {
			f.message = "has a field's name in [ ], which is for lists; a name that is no identifier stands in backticks: record.`Host-Nr`"
		}
	}
	return f
}

// meant returns which field of an object an unknown name most likely means, as
// an expression writes it: of one with '-' in it, CEL takes what is before that
// for the name. It is "" when none is near.
func (o *objectType) meant(name string) string {
	for _, known := range o.names {
		if rest, ok := strings.CutPrefix(known, name); ok && o.members[known].written != known && !identifier.MatchString(rest[:1]) {
			return o.members[known].written
		}
	}
	if near := nearest(name, o.names); near != "" {
		return o.members[near].written
	}
	return ""
}

// meant returns what an unknown name most likely means: a field, a variable or
// a function; "" when none is near.
func (e *expressions) meant(name string, env *cel.Env) string {
	known := []string{recordVariable}
	if env == e.finding {
		known = append(known, findingVariable)
		if near := e.types.object(e.findings).meant(name); near != "" {
			return findingVariable + "." + near
		}
	}
	if near := e.types.object("").meant(name); near != "" {
		return recordVariable + "." + near
	}
	for function := range env.Functions() {
		if !strings.ContainsAny(function, "_@!-[]") {
			known = append(known, function)
		}
	}
	slices.Sort(known)
	if near := nearest(name, known); near != "" {
		return near
	}
	word := strings.TrimPrefix(strings.ToLower(name), "to") // as other languages call them
	word = strings.TrimSuffix(word, "case")
	for _, function := range known {
		if len(word) > 2 && strings.HasPrefix(function, word) {
			return function
		}
	}
	return ""
}

// nameOf names an object of the model in messages.
func (e *expressions) nameOf(path string) string {
	switch path {
	case "":
		return "the record"
	case e.findings:
		return "the finding"
	}
	return path
}
