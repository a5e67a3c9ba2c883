package azureapim

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"sluice/internal/azure"
)

// memory is what is remembered of an API from one run to another.
type memory struct {
	ETag string `json:"etag"`
	// Around is the hash of what the record says that is not the API's own:
	// its service, version set, workspace, tags. Its ETag says nothing of them.
	Around        string        `json:"around"`
	Exported      time.Time     `json:"exported"`
	Passing       bool          `json:"passing,omitempty"` // the export failed in a way that may pass
	Specification specification `json:"specification"`
}

// soon is after how long an export that failed is tried again, where the API
// has not changed.
const soon = time.Hour

// readMemory reads what was remembered; what cannot be read is nothing.
func readMemory(text string) memory {
	var m memory
	if text == "" || json.Unmarshal([]byte(text), &m) != nil {
		return memory{}
	}
	return m
}

func (m memory) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		return "" // a time outside of the calendar: nothing is remembered
	}
	return string(text)
}

// holds says whether the specification that is remembered is still to be
// taken: the API's ETag is the same, and the export is not too old. That the
// ETag moves with every change of an operation is not documented, hence the
// age. It is the same in full and in delta runs, so that a profile that runs in
// full each time does not export everything each time, and one that never does
// exports it all the same: only a setting of 0 days exports in every run.
func (m memory) holds(etag string, settings azure.Settings, now time.Time) bool {
	longest := settings.Recheck
	if m.Passing {
		longest = min(longest, soon)
	}
	age := now.Sub(m.Exported)
	return etag != "" && m.ETag == etag && age >= 0 && age < longest
}

// around is the hash of what is around an API.
func around(parts ...any) string {
	h := sha256.New()
	encoder := json.NewEncoder(h)
	for _, p := range parts {
		_ = encoder.Encode(p) // maps of JSON always can, sorted by name
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
