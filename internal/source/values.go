package source

import (
	"encoding/csv"
	"errors"
	"slices"
	"strings"
)

// ParseValues reads the values of a filter as people write them in one line:
// with commas between them, and a value that has a comma in double quotes.
// Blanks around values and repetitions are left out.
func ParseValues(line string) ([]string, error) {
	if strings.TrimSpace(line) == "" {
		return nil, nil
	}
	r := csv.NewReader(strings.NewReader(line))
	r.TrimLeadingSpace = true
	fields, err := r.Read()
	if err != nil {
		return nil, errors.New(`a value that has a comma or a quote is written in double quotes, a quote in it twice: "a, b","c ""d"""`)
	}
	var values []string
	for _, field := range fields {
		value := strings.TrimSpace(field)
		switch {
		case value == "":
			return nil, errors.New("there is nothing between two commas")
		case !slices.Contains(values, value):
			values = append(values, value)
		}
	}
	return values, nil
}

// FormatValues writes values as ParseValues reads them.
func FormatValues(values []string) string {
	fields := make([]string, len(values))
	for i, value := range values {
		fields[i] = value
		if strings.ContainsAny(value, "\",\r\n") {
			fields[i] = `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
		}
	}
	return strings.Join(fields, ",")
}
