package transform

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// expression is a compiled expression.
type expression struct {
	program cel.Program // counts its steps
	short   cel.Program // does not, which takes half the time; nil where they have to be counted
	result  *types.Type
	reads   []read
	steps   int  // of its text
	loops   int  // only they can run for long
	grows   bool // it calls a function that may do, or give, far more than it is given
}

// read is a field of the record or the finding that an expression reads.
type read struct {
	variable string
	member   *objectMember
	path     Path
}

// expressions compiles those of one map.
type expressions struct {
	types    *recordTypes
	findings string // path of the elements of the list of findings, "findings[]"; "" when none
	record   *cel.Env
	finding  *cel.Env
}

func newExpressions(source *Model, findings string) (*expressions, error) {
	base, err := baseEnvironment()
	if err != nil {
		return nil, err
	}
	e := &expressions{types: newRecordTypes(base.CELTypeProvider(), source), findings: findings}
	if e.record, err = environment(base, e.types, ""); err != nil {
		return nil, err
	}
	if findings != "" {
		e.finding, err = environment(base, e.types, findings)
	}
	return e, err
}

// mistake is what is wrong with an expression.
type mistake struct {
	message    string
	suggestion string
	character  int // in its one line, from 1; 0 when not known
}

// compile checks an expression: of a finding, or of the record.
func (e *expressions) compile(text string, ofFinding bool) (*expression, *mistake) {
	switch {
	case strings.TrimSpace(text) == "":
		return nil, &mistake{message: "is empty"}
	case len(text) > maxExpression:
		return nil, &mistake{message: fmt.Sprintf("is longer than %d characters", maxExpression)}
	case !utf8.ValidString(text):
		return nil, &mistake{message: "is not valid UTF-8"}
	}
	env := e.record
	if ofFinding {
		env = e.finding
	}
	e.types.unknown, e.types.noting = nil, true
	checked, issues := env.Compile(text)
	e.types.noting = false
	if issues.Err() != nil {
		return nil, e.explain(text, env, issues)
	}
	x := &expression{result: checked.OutputType()}
	tree := checked.NativeRep()
	if !e.readsOf(tree, x) {
		return nil, &mistake{message: fmt.Sprintf("uses the whole %s or %s; name the fields of it that are meant, such as %s.%s",
			recordVariable, findingVariable, recordVariable, e.types.object("").names[0])}
	}
	var err error
	bounds := []cel.ProgramOption{cel.CostLimit(maxCost), cel.CostTrackerOptions(textCosts...), cel.InterruptCheckFrequency(interruptEvery)}
	if x.loops > 1 {
		bounds = append(bounds, cel.MemoryLimit(maxValues), cel.MemoryTracking(types.MemoryTrackerSizeCalculator(valueSizes)))
	}
	x.program, err = env.Program(checked, append(bounds, cel.EvalOptions(cel.OptOptimize))...)
	if err == nil && x.loops == 0 && !x.grows && x.steps <= shortSteps {
		x.short, err = env.Program(checked, cel.EvalOptions(cel.OptOptimize))
	}
	if err != nil {
		return nil, &mistake{message: "cannot be used: " + printable([]byte(err.Error()))}
	}
	return x, nil
}

// readsOf collects the fields that an expression reads. It reports false where
// a variable is used as a whole.
func (e *expressions) readsOf(tree *ast.AST, x *expression) bool {
	variables, known := 0, map[*objectMember]bool{}
	add := func(of ast.Expr, name string) {
		if of.Kind() != ast.IdentKind || of.AsIdent() != recordVariable && of.AsIdent() != findingVariable {
			return
		}
		variables--
		path := ""
		if of.AsIdent() == findingVariable {
			path = e.findings
		}
		if m := e.types.object(path).members[name]; m != nil && !known[m] {
			known[m] = true
			p, _ := ParsePath(strings.TrimPrefix(path+"."+name, ".")) // a path of the model
			x.reads = append(x.reads, read{of.AsIdent(), m, p})
		}
	}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(n ast.Expr) {
		x.steps++
		switch n.Kind() {
		case ast.ComprehensionKind:
			x.loops++
		case ast.IdentKind:
			if name := n.AsIdent(); name == recordVariable || name == findingVariable {
				variables++
			}
		case ast.SelectKind:
			add(n.AsSelect().Operand(), n.AsSelect().FieldName())
		case ast.CallKind:
			c := n.AsCall()
			if c.FunctionName() == operators.OptSelect && c.Args()[1].Kind() == ast.LiteralKind {
				name, _ := c.Args()[1].AsLiteral().(types.String)
				add(c.Args()[0], string(name))
			}
			x.grows = x.grows || slices.Contains(growing, c.FunctionName())
		}
	}))
	return variables == 0
}

// variables are what expressions see, of one goroutine.
type variables struct {
	record  *jsonObject
	finding *jsonObject
}

// ResolveName returns a variable's value.
func (v *variables) ResolveName(name string) (any, bool) {
	switch name {
	case recordVariable:
		return v.record, true
	case findingVariable:
		return v.finding, v.finding != nil
	}
	return nil, false
}

// Parent is part of cel.Activation: there is none.
func (v *variables) Parent() cel.Activation { return nil }

// evaluate returns an expression's value as JSON, appended to dst, and what it
// cost. What it reads is so many bytes of JSON.
func (x *expression) evaluate(ctx context.Context, v *variables, reads int, dst []byte) (_ []byte, cost uint64, reason string) {
	var result ref.Val
	var details *cel.EvalDetails
	var err error
	switch {
	case x.loops > 0:
		result, details, err = x.program.ContextEval(ctx, v)
	case x.short != nil && reads <= shortReads:
		cost = uint64(x.steps * (1 + reads/10)) // at most, whatever its steps do
		result, details, err = x.short.Eval(v)
	default:
		result, details, err = x.program.Eval(v)
	}
	if spent := details.ActualCost(); spent != nil {
		cost = *spent
	}
	if err != nil {
		return dst, cost, failed(err)
	}
	if dst, err = appendResult(dst, result, 0); err != nil {
		return dst, cost, err.Error()
	}
	return dst, cost, ""
}

// failed is the reason for which an expression has no value.
func failed(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "cost limit exceeded"):
		text = "it takes too many steps"
	case strings.Contains(text, "memory limit exceeded"):
		text = "it makes too many values"
	case strings.Contains(text, "no such overload"):
		text = "a value in it is of a type that its function does not take"
	}
	return "cannot be evaluated: " + printable([]byte(text))
}
