package qps

import (
	"encoding/json"
	"fmt"

	"sluice/internal/fault"
)

// cursor is where a stream stands. It travels as compact JSON.
type cursor struct {
	// After is the id of the last record delivered or set aside.
	After string `json:"after,omitempty"`
	// Skip is how many records after After are to be left out, because they
	// were set aside and their ids are not known.
	Skip int `json:"skip,omitempty"`
	// Window, if not zero, says that one of the next Window records is in
	// the way of any page that holds it.
	Window int `json:"window,omitempty"`
	// Read is how many records have been delivered or set aside so far.
	Read int64 `json:"read,omitempty"`
	// Total is how many there are in all, by the vendor's latest word; zero
	// when it does not say.
	Total int64 `json:"total,omitempty"`
}

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
	err := json.Unmarshal([]byte(text), &c)
	if err != nil || len(c.After) > maxID || c.Skip < 0 || c.Window < 0 || c.Window > maxWindow || c.Read < 0 || c.Total < 0 {
		return c, &fault.Error{
			Class: fault.Contract, Code: "cursor",
			Message: fmt.Sprintf("the stored position %q is not one of this kind", clip(text, 64)), Err: err,
		}
	}
	return c, nil
}

const maxWindow = 1_000_000

// size is how many records to ask for: a full page, or half of the window
// that holds a record which is in the way.
func (c cursor) size(full int) int {
	if c.Window == 0 {
		return full
	}
	return max(1, c.Window/2)
}

// passed moves the cursor over n records that were delivered or set aside.
func (c *cursor) passed(n int64) {
	c.Read += n
	c.Window = max(0, c.Window-int(min(n, maxWindow)))
}

// heard takes in a total that the vendor gave for a page which begins at this
// cursor. Whether a vendor's total counts from the beginning of the stream,
// or from the cursor on (which is one of the criteria), is not documented:
// whichever is nearer to what it said before is meant.
func (c *cursor) heard(total int64) {
	if total < 0 {
		return
	}
	fromHere := c.Read - int64(c.Skip) + total
	if c.Read > 0 && distance(fromHere, c.Total) < distance(total, c.Total) {
		total = fromHere
	}
	c.Total = total
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// remaining is how many records are still to come; negative when unknown.
func (c cursor) remaining() int64 {
	if c.Total == 0 {
		return -1
	}
	return max(0, c.Total-c.Read)
}
