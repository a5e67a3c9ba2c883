package estate

import (
	"encoding/base64"
	"encoding/binary"
)

func pick[T any](list []T, hash uint64) T { return list[hash%uint64(len(list))] }

var (
	words = []string{
		"orders", "billing", "claims", "catalog", "shipping", "loyalty", "payments", "customers", "inventory", "returns",
		"pricing", "identity", "reports", "devices", "bookings", "documents", "events", "tickets", "contracts", "search",
	}
	departments = []string{"Retail", "Logistics", "Finance", "Research", "Platform"}
	tagNames    = []string{"public", "internal", "partner", "pci", "beta"}
	// awkward display names: what breaks links, paths and terminals. %s is a
	// word and %d a number that makes the name unique.
	awkwardNames = []string{
		"%s 100%% API %d", "%s #%d (new)", "%s / v%d / beta", "Größe der %s %d", "注文 %s %d", "%s? %d", "%s & \"co\" %d", "%s+%d;rev", "%s 🚀 %d",
	}
	descriptions = []string{
		"Everything about %s.",
		"<p>Calls of <b>%s</b>.</p>\r\n<ul><li>read &amp; write</li></ul><script>alert(1)</script>",
		"The %s service 🎉 — sehr schön",
		"",
	}
	awkwardIDs = []string{"%s api v%d", "größe-%s-%d", "%s%%20api-%d", "%s(%d)", "%s,%d;x"}
)

// etag is a number as the service writes it, without quotes.
func etag(number uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], number&0xffffffffff)
	return base64.StdEncoding.EncodeToString(b[:])
}
