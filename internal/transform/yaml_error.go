package transform

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

var (
	// yamlLine finds the line in an error of the YAML parser, which does not say
	// the first one.
	yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	// plainValue is a key with a value that is not in quotes, on one line.
	plainValue = regexp.MustCompile(`^\s*(?:- +)*[^\s:#'"{\[]+:\s+([^\s'"{\[|>].*)$`)
)

// addYAML says what the YAML parser could not read, where in the line that is
// as far as can be told, and what people most often mean by it.
func (d *document) addYAML(data []byte, err error) {
	reason := err.Error()
	problem := Problem{File: d.file, Line: 1}
	if match := yamlLine.FindStringSubmatch(reason); match != nil {
		reason = reason[len(match[0]):]
		if match[1] != "" {
			problem.Line, _ = strconv.Atoi(match[1])
		}
	}
	line := ""
	if lines := bytes.Split(data, []byte("\n")); problem.Line <= len(lines) {
		line = strings.TrimRight(string(lines[problem.Line-1]), "\r")
	}
	problem.Column = 1 + len(line) - len(strings.TrimLeft(line, " \t"))
	advice := ""
	switch value := plainValue.FindStringSubmatchIndex(line); {
	case strings.Contains(reason, "mapping values are not allowed") && value != nil && strings.Contains(line[value[2]:], ": "):
		problem.Column = 1 + value[2] + strings.Index(line[value[2]:], ": ")
		advice = `; there is a ": " in this value, which begins another key: put the value in quotes`
	case strings.Contains(reason, "mapping values are not allowed"), strings.Contains(reason, "did not find expected key"), strings.Contains(reason, "expected '-' indicator"):
		advice = `; look at how the lines are indented here: keys that belong together stand below one another, and so does the "-" of each row`
	case strings.Contains(reason, "cannot start any token") && strings.Contains(line[:problem.Column-1], "\t"):
		problem.Column = 1 + strings.IndexByte(line, '\t')
		advice = "; lines are indented with spaces, not with a tab"
	case strings.Contains(reason, "cannot start any token") && value != nil:
		problem.Column = 1 + value[2]
		advice = "; put the value in quotes"
	}
	problem.Message = "is not valid YAML: " + reason + advice
	d.problems = append(d.problems, problem)
}
