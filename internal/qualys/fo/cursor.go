package fo

import (
	"encoding/json"
	"fmt"

	"sluice/internal/fault"
	"sluice/internal/qualys"
)

// cursor is where a stream stands. It travels as compact JSON.
type cursor struct {
	// Next is the id to go on with: all below have been delivered.
	Next uint64 `json:"next,omitempty"`
	// Missing are ids that had been listed and did not arrive, More how many
	// others there are.
	Missing []uint64 `json:"missing,omitempty"`
	More    uint64   `json:"more,omitempty"`
	// Doubt is what the vendor warned of.
	Doubt string `json:"doubt,omitempty"`
}

// maxMissing bounds Missing.
const maxMissing = 100

// maxCursor bounds a cursor's text, in bytes.
const maxCursor = 16 << 10

func (c cursor) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and numbers
	}
	return string(text)
}

func parseCursor(text string) (cursor, error) {
	var c cursor
	if text == "" {
		return c, nil
	}
	err := fmt.Errorf("it is longer than %d bytes", maxCursor)
	if len(text) <= maxCursor {
		err = json.Unmarshal([]byte(text), &c)
	}
	if err != nil || len(c.Missing) > maxMissing {
		return c, &fault.Error{
			Class: fault.Contract, Code: "cursor",
			Message: fmt.Sprintf("the stored position %q is not one of this kind", qualys.Short(text)), Err: err,
		}
	}
	return c, nil
}
