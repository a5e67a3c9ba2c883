package qualys

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ParseReturn reads a SIMPLE_RETURN or GENERIC_RETURN, the documents by which
// the FO API says that something is wrong, from the beginning of an answer. ok
// is false for other documents. wait is what the vendor asks to wait: its item
// SECONDS_TO_WAIT, else the time in its text, else 0.
func ParseReturn(head []byte) (code, text string, wait time.Duration, ok bool) {
	if !bytes.Contains(head, []byte("_RETURN")) {
		return "", "", 0, false
	}
	var key string
	for _, e := range elements(head) {
		switch e.path {
		case "SIMPLE_RETURN/RESPONSE/CODE":
			code, ok = e.text, true
		case "SIMPLE_RETURN/RESPONSE/TEXT":
			text = e.text
		case "SIMPLE_RETURN/RESPONSE/ITEM_LIST/ITEM/KEY":
			key = e.text
		case "SIMPLE_RETURN/RESPONSE/ITEM_LIST/ITEM/VALUE":
			if seconds, err := strconv.ParseUint(e.text, 10, 32); err == nil && key == "SECONDS_TO_WAIT" {
				wait = min(time.Duration(seconds)*time.Second, longestWait)
			}
		case "GENERIC_RETURN/RETURN":
			code, text, ok = internalError, e.text, true
			for _, a := range e.attr {
				if a.Name.Local == "number" && a.Value != "" {
					code = a.Value
				}
			}
		}
	}
	if ok && wait == 0 {
		wait = waitInText(text)
	}
	return code, text, wait, ok
}

// internalError is the code of a GENERIC_RETURN that has no number.
const internalError = "999"

// longestWait bounds what is believed of a time to wait; documented windows
// are a day.
const longestWait = 24 * time.Hour

var (
	another   = regexp.MustCompile(`(?i)run again for another (.*)`)
	amount    = regexp.MustCompile(`(?i)(\d{1,5}) (day|hour|minute|second)`)
	unitNames = map[string]time.Duration{"day": 24 * time.Hour, "hour": time.Hour, "minute": time.Minute, "second": time.Second}
)

// waitInText reads "This API cannot be run again for another 23 hours, 57
// minutes and 54 seconds."
func waitInText(text string) (wait time.Duration) {
	sentence := another.FindStringSubmatch(text)
	if sentence == nil {
		return 0
	}
	for _, part := range amount.FindAllStringSubmatch(sentence[1], -1) {
		n, err := strconv.Atoi(part[1])
		if err == nil {
			wait += time.Duration(n) * unitNames[strings.ToLower(part[2])]
		}
	}
	return min(wait, longestWait)
}
