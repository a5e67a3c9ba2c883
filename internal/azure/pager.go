package azure

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"sluice/internal/fault"
)

// CodeIncomplete is the code of a list that does not add up, time and again.
const CodeIncomplete = "list-incomplete"

// A row is one of a list's, as received.
type row = json.RawMessage

// List reads all pages of a list and then calls each for every row, in the
// order of the list. It ends where a page has no link to a next one, and never
// because a page is short or empty. Where Azure counts what there is, the rows
// are held against it: a list that changed while it was read is read again,
// since pages are cut by number and a row may have slipped between two.
func (c *Client) List(ctx context.Context, path, version string, query url.Values, each func(row json.RawMessage) error) error {
	var rows []row
	for try := 1; ; try++ {
		var doubt string
		var err error
		rows, doubt, err = c.list(ctx, path, version, query)
		if err != nil {
			return err
		}
		if doubt == "" {
			break
		}
		if try >= c.limits.Tries {
			f := contract("the list %s does not add up, also when it was read again: %s", path, doubt)
			f.Code = CodeIncomplete
			return f
		}
		if err := sleep(ctx, c.limits.Backoff<<(try-1)); err != nil {
			return err
		}
	}
	for _, r := range rows {
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// list reads all pages once. doubt says why there may be more rows.
func (c *Client) list(ctx context.Context, path, version string, query url.Values) (rows []row, doubt string, err error) {
	answer, err := c.Get(ctx, path, version, query)
	met := map[string]bool{}
	size := int64(0)
	var of count
	for err == nil {
		var page struct {
			Value    []row   `json:"value"`
			Count    row     `json:"count"`
			NextLink *string `json:"nextLink"`
		}
		if err := answer.Decode("the list "+path, &page); err != nil {
			return nil, "", err
		}
		if page.Value == nil {
			return nil, "", contract("the answer of Azure to %s has no list of values", path)
		}
		if size += int64(len(answer.Body)); size > c.limits.MaxList {
			return nil, "", contract("the list %s has more than %d bytes", path, c.limits.MaxList)
		}
		rows = append(rows, page.Value...)
		of.add(page.Count, len(page.Value))
		if page.NextLink == nil || strings.TrimSpace(*page.NextLink) == "" {
			return rows, of.doubt(rows), nil
		}
		next, bad := c.nextPage(*page.NextLink)
		switch {
		case bad != nil:
			return nil, "", bad
		case met[next]:
			return nil, "", contract("the list %s has a page that leads back to one before it", path)
		case len(met) >= c.limits.MaxPages:
			return nil, "", contract("the list %s has more than %d pages", path, c.limits.MaxPages)
		}
		met[next] = true
		answer, err = c.get(ctx, next, true)
	}
	return nil, "", err
}

// count is what the pages of a list say about how many rows there are. It is
// documented as the number of all rows; should it be that of the page, it says
// nothing.
type count struct {
	last    int
	pages   int
	changed bool
	ofAll   bool
}

func (c *count) add(stated row, rows int) {
	var n int
	if string(stated) == "null" || json.Unmarshal(stated, &n) != nil {
		return // it is absent, or of another sort
	}
	c.changed = c.changed || c.pages > 0 && n != c.last
	c.ofAll = c.ofAll || n != rows
	c.last = n
	c.pages++
}

func (c *count) doubt(rows []row) string {
	switch {
	case c.pages == 0 || !c.ofAll:
		return ""
	case c.changed:
		return "what Azure counted changed while it was read"
	}
	distinct := map[string]bool{}
	for i, r := range rows {
		var has struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(r, &has) != nil || has.ID == "" {
			has.ID = fmt.Sprintf("#%d", i)
		}
		distinct[strings.ToLower(has.ID)] = true
	}
	if len(distinct) < c.last {
		return fmt.Sprintf("Azure counted %d, and %d arrived", c.last, len(distinct))
	}
	return ""
}

// nextPage is the path and query of a link to a next page. Links are opaque;
// one to another host is not followed, since the token would go there.
func (c *Client) nextPage(link string) (string, error) {
	base, err := url.Parse(c.arm.BaseURL())
	if err != nil {
		return "", err // it was checked
	}
	// Links may have blanks in their filter.
	next, err := url.Parse(strings.ReplaceAll(strings.TrimSpace(link), " ", "%20"))
	if err != nil || strings.ContainsFunc(link, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", contract("a list has a link to its next page that cannot be read")
	}
	if next.Scheme != base.Scheme || !strings.EqualFold(next.Hostname(), base.Hostname()) || port(next) != port(base) || next.User != nil {
		return "", contract("a list goes on at %s instead of %s, and the token is not sent there", short(next.Host), base.Host)
	}
	path, found := strings.CutPrefix(next.EscapedPath(), base.EscapedPath())
	if !found || !strings.HasPrefix(path, "/") {
		return "", contract("a list goes on outside of %s", c.arm.BaseURL())
	}
	if next.RawQuery != "" {
		path += "?" + next.RawQuery
	}
	return path, nil
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}

func contract(format string, args ...any) *fault.Error {
	return &fault.Error{Class: fault.Contract, Code: "unreadable-answer", Message: fmt.Sprintf(format, args...)}
}
