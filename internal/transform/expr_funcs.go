package transform

import (
	"errors"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Bounds of an expression. What a person writes comes nowhere near them; what
// goes beyond them is refused when it is saved, or ends the evaluation.
const (
	maxExpression      = 2000    // characters
	maxExpressionDepth = 50      // of nesting
	maxCost            = 100_000 // CEL's units: about one for each step and ten characters
	maxText            = 256 << 10
	interruptEvery     = 100 // steps of a loop

	// Loops that follow each other, or are inside of one another, can make lists
	// of lists that have far more in them than they took steps to make, and CEL
	// counts one step to compare those.
	maxValues = 200_000 // in a list, with all that is in it; ten characters are one

	// Of all expressions of one record, which may have very many findings.
	maxRecordCost = 200_000_000
	maxRead       = 512 << 20 // bytes of JSON, those that are read again included
	maxComputed   = 64 << 20  // bytes of JSON

	// What is no more than this cannot come near the bounds.
	shortSteps = 50
	shortReads = 1 << 10 // bytes of JSON
)

// growing are the functions whose work does not follow from what they are given.
var growing = []string{"matches", "replace", "join"}

// textCosts make the functions for text cost what CEL's own do: one for every
// ten characters that they read or give.
var textCosts = func() (options []cost.TrackerOption) {
	for _, overload := range []string{"string_lowerAscii", "string_upperAscii", "string_trim", "string_replace", "string_split",
		"list_join", "string_substring_from", "string_substring_from_to"} {
		options = append(options, cost.OverloadTracker(overload, func(args []ref.Val, result ref.Val) *uint64 {
			size := sizeOf(result)
			for _, arg := range args {
				size += sizeOf(arg)
			}
			units := uint64(1 + size/10)
			return &units
		}))
	}
	return options
}()

// valueSizes counts what is in a list, however deep.
var valueSizes = types.NewSizeCalculator(types.SizeCalculatorMaxDepth(10*maxExpressionDepth), types.SizeCalculatorMaxTraversal(10*maxValues))

// sizeOf is how much of a value a function for text goes through.
func sizeOf(v ref.Val) int {
	switch v := v.(type) {
	case types.String:
		return len(v)
	case traits.Lister:
		return int(v.Size().(types.Int))
	}
	return 0
}

// baseEnvironment has CEL's standard functions and a few for text.
var baseEnvironment = sync.OnceValues(func() (*cel.Env, error) {
	text, list := cel.StringType, cel.ListType(cel.StringType)
	return cel.NewEnv(
		cel.OptionalTypes(),
		cel.EnableIdentifierEscapeSyntax(),
		cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(maxExpressionDepth),
		cel.RegexProgramSizeLimit(1000),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals()),
		textFunction("lowerAscii", text, func(s string) string { return mapASCII(s, 'A', 'Z', 'a'-'A') }),
		textFunction("upperAscii", text, func(s string) string { return mapASCII(s, 'a', 'z', 'A'-'a') }),
		textFunction("trim", text, strings.TrimSpace),
		cel.Function("replace", cel.MemberOverload("string_replace", []*cel.Type{text, text, text}, text,
			cel.FunctionBinding(func(args ...ref.Val) ref.Val { return replace(textOf(args[0]), textOf(args[1]), textOf(args[2])) }))),
		cel.Function("split", cel.MemberOverload("string_split", []*cel.Type{text, text}, list,
			cel.BinaryBinding(func(s, separator ref.Val) ref.Val {
				parts := strings.SplitN(textOf(s), textOf(separator), maxCost)
				return types.NewStringList(types.DefaultTypeAdapter, parts)
			}))),
		cel.Function("join", cel.MemberOverload("list_join", []*cel.Type{list, text}, text,
			cel.BinaryBinding(func(l, separator ref.Val) ref.Val { return join(l.(traits.Lister), textOf(separator)) }))),
		cel.Function("substring",
			cel.MemberOverload("string_substring_from", []*cel.Type{text, cel.IntType}, text,
				cel.BinaryBinding(func(s, from ref.Val) ref.Val { return substring(textOf(s), int64(from.(types.Int)), -1) })),
			cel.MemberOverload("string_substring_from_to", []*cel.Type{text, cel.IntType, cel.IntType}, text,
				cel.FunctionBinding(func(args ...ref.Val) ref.Val {
					return substring(textOf(args[0]), int64(args[1].(types.Int)), max(0, int64(args[2].(types.Int))))
				}))),
	)
})

func textFunction(name string, text *cel.Type, do func(string) string) cel.EnvOption {
	return cel.Function(name, cel.MemberOverload("string_"+name, []*cel.Type{text}, text,
		cel.UnaryBinding(func(s ref.Val) ref.Val { return types.String(do(textOf(s))) })))
}

func textOf(v ref.Val) string { return string(v.(types.String)) }

var errText = errors.New("makes a text that is too long")

func mapASCII(s string, from, to byte, by int) string {
	b := []byte(s)
	for i, c := range b {
		if c >= from && c <= to {
			b[i] = byte(int(c) + by)
		}
	}
	return string(b)
}

func replace(s, old, with string) ref.Val {
	if grown := strings.Count(s, old)*(len(with)-len(old)) + len(s); grown > maxText && grown > len(s) {
		return types.WrapErr(errText)
	}
	return types.String(strings.ReplaceAll(s, old, with))
}

func join(l traits.Lister, separator string) ref.Val {
	var text strings.Builder
	for i, it := 0, l.Iterator(); it.HasNext() == types.True; i++ {
		part, ok := it.Next().(types.String)
		if !ok {
			return types.NewErr("has an element that is not text")
		}
		if i > 0 {
			text.WriteString(separator)
		}
		text.WriteString(string(part))
		if text.Len() > maxText {
			return types.WrapErr(errText)
		}
	}
	return types.String(text.String())
}

// substring returns the characters from one place to before another, as far as
// the text has them; to the end, if to is below zero.
func substring(s string, from, to int64) ref.Val {
	if from < 0 {
		return types.NewErr("takes characters from %d; the first is 0", from)
	}
	start, end, n := len(s), len(s), int64(0)
	for i := range s {
		if n == from {
			start = i
		}
		if n == to {
			end = i
			break
		}
		n++
	}
	if start > end {
		start = end
	}
	return types.String(s[start:end])
}
