package azure

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Shape of an export's answer with a link. Which of them the service gives when
// is not known; ShapeA is the recorded one for "Accept: application/json".
type Shape string

// The shapes.
const (
	ShapeA      Shape = "A"      // properties.value.link (recorded)
	ShapeB      Shape = "B"      // value.link (documented)
	ShapeC      Shape = "C"      // link
	ShapeInline Shape = "inline" // properties.value is the document, though a link was asked for
)

// InlineShape of an export's answer without a link.
type InlineShape string

// The shapes without a link.
const (
	InlineText   InlineShape = "text"   // properties.value is a text
	InlineObject InlineShape = "object" // value is an object; a text where the document is not JSON
	InlineRaw    InlineShape = "raw"    // the document itself
)

// Cloud is one of Azure's clouds. It decides for whom tokens must be made out.
type Cloud string

// The clouds.
const (
	Public Cloud = "public"
	USGov  Cloud = "usgov"
	China  Cloud = "china"
)

// audiences that ARM of a cloud accepts, each with and without a slash at its
// end (documented: the answer to a wrong one lists them).
var audiences = map[Cloud][]string{
	Public: {"https://management.core.windows.net", "https://management.azure.com"},
	USGov:  {"https://management.core.usgovcloudapi.net", "https://management.usgovcloudapi.net"},
	China:  {"https://management.core.chinacloudapi.cn", "https://management.chinacloudapi.cn"},
}

// Settings are the switches that are no faults: ways in which the service
// behaves, or may turn out to.
type Settings struct {
	Cloud         Cloud         `json:"cloud"`         // default Public
	TokenLifetime time.Duration `json:"tokenLifetime"` // default 3599 s, as observed

	PageSize     int    `json:"pageSize"`     // rows of a page, of every list; default 100
	LastLink     string `json:"lastLink"`     // nextLink of the last page: "absent" (default, recorded), "empty" (documented) or "null"
	EncodedLinks bool   `json:"encodedLinks"` // nextLink has %24skip instead of $skip; no real one is known
	// NextLinkHost replaces the host in every nextLink: a client must not send
	// its token there.
	NextLinkHost string `json:"nextLinkHost,omitempty"`
	LowerCaseIDs bool   `json:"lowerCaseIds"` // services' ids have resourcegroups in lower case

	Shape       Shape       `json:"shape"`       // default ShapeA
	InlineShape InlineShape `json:"inlineShape"` // default InlineText
	// LinkLifetime is how long a link can be used; default 5 minutes (recorded).
	LinkLifetime time.Duration `json:"linkLifetime"`
	// ExportDelay is how long an export goes on after it has written its blob;
	// default 0.
	ExportDelay time.Duration `json:"exportDelay"`
	// OwnBlobs gives every export a blob of its own. Without, APIs and revisions
	// of a service with one display name or version set share a blob, and the
	// last one to write it wins (reported; the reason is inferred).
	OwnBlobs        bool   `json:"ownBlobs"`
	BlobContentType string `json:"blobContentType"` // default application/octet-stream; the real one is not known

	// ReadBucket and ReadRefill are the token bucket of reads per subscription
	// and app, and per tenant for calls without a subscription; default 250 and
	// 25 a second (documented). A bucket below 0 is bottomless.
	ReadBucket int     `json:"readBucket"`
	ReadRefill float64 `json:"readRefill"`

	// Unreadable lists ARM ids of subscriptions, groups, services or workspaces:
	// every call at or below one is answered 403 AuthorizationFailed. Lists above
	// still show them, unless HideUnreadable (inferred: a list is filtered to what
	// can be read; a subscription without any role is not listed).
	Unreadable     []string `json:"unreadable,omitempty"`
	HideUnreadable bool     `json:"hideUnreadable"`
	// Vanished lists ARM ids of APIs that lists still show and that are gone when
	// they are asked for: removed in between.
	Vanished []string `json:"vanished,omitempty"`
	// Activating lists ARM ids of services whose provisioningState is Activating;
	// what is below them is answered 422 (field report; inferred for this state).
	Activating []string `json:"activating,omitempty"`
}

func (s *Settings) fill() error {
	fill(&s.Cloud, Public)
	fill(&s.TokenLifetime, 3599*time.Second)
	fill(&s.PageSize, 100)
	fill(&s.LastLink, "absent")
	fill(&s.Shape, ShapeA)
	fill(&s.InlineShape, InlineText)
	fill(&s.LinkLifetime, 5*time.Minute)
	fill(&s.BlobContentType, "application/octet-stream")
	fill(&s.ReadBucket, 250)
	fill(&s.ReadRefill, 25)
	switch {
	case audiences[s.Cloud] == nil:
		return fmt.Errorf("simulator: cloud is %q; allowed are public, usgov and china", s.Cloud)
	case !slices.Contains([]string{"absent", "empty", "null"}, s.LastLink):
		return fmt.Errorf("simulator: lastLink is %q; allowed are absent, empty and null", s.LastLink)
	case !slices.Contains([]Shape{ShapeA, ShapeB, ShapeC, ShapeInline}, s.Shape):
		return fmt.Errorf("simulator: shape is %q; allowed are A, B, C and inline", s.Shape)
	case !slices.Contains([]InlineShape{InlineText, InlineObject, InlineRaw}, s.InlineShape):
		return fmt.Errorf("simulator: inlineShape is %q; allowed are text, object and raw", s.InlineShape)
	case s.PageSize < 0 || s.TokenLifetime < 0 || s.LinkLifetime < 0 || s.ExportDelay < 0 || s.ReadRefill < 0:
		return fmt.Errorf("simulator: a setting is below 0; only readBucket can be")
	}
	return nil
}

func fill[T comparable](value *T, def T) {
	var zero T
	if *value == zero {
		*value = def
	}
}

// within tells whether an ARM id is one of those listed, or below one.
func within(id string, list []string) bool {
	return slices.ContainsFunc(list, func(scope string) bool {
		return len(id) >= len(scope) && strings.EqualFold(id[:len(scope)], scope) && (len(id) == len(scope) || id[len(scope)] == '/')
	})
}
