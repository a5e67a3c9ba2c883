//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var screenshots = flag.String("screenshots", "", "also write screenshots for the documentation to this `folder`")

// browser is a Chromium without a window.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// bound is how long a page may take to show what is expected.
const bound = 60 * time.Second

func newBrowser(t *testing.T) *browser {
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(findChromium(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true),
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium has no sandbox for root
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	b := &browser{t, ctx}
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1320, 860)), "start Chromium")
	return b
}

// findChromium finds a Chromium or Chrome of the machine's.
func findChromium(t *testing.T) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no Chromium on this machine: install it ('apt-get install chromium' on Debian) or run 'make e2e' as root, which does")
	return ""
}

// do runs actions, and fails the test with a picture of the page if they do
// not come to an end.
func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, bound)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v: %s", what, err, b.picture())
	}
}

// open opens a page.
func (b *browser) open(url string) {
	b.t.Helper()
	b.do("open "+url, chromedp.Navigate(url))
}

// place finds the middle of the first element of a CSS selector that shows a
// text and that nothing covers: where a person would click.
const place = `(css, text) => {
	for (const e of document.querySelectorAll(css)) {
		if (!e.checkVisibility() || !e.innerText.includes(text)) continue
		e.scrollIntoView({block: "nearest"})
		const r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2
		const top = document.elementFromPoint(x, y)
		if (top && e.contains(top)) return [x, y]
	}
	return null
}`

// click clicks the element of a CSS selector that shows a text.
func (b *browser) click(css, text string) {
	b.t.Helper()
	var at []float64
	b.until(fmt.Sprintf("there is a %s with %q to click", css, text), func() bool {
		at = evaluate[[]float64](b, fmt.Sprintf("(%s)(%q, %q)", place, css, text))
		return len(at) == 2
	})
	b.do("click "+css, chromedp.MouseClickXY(at[0], at[1]))
}

// evaluate returns the value of a JavaScript expression; the zero value while
// the page is on its way to another.
func evaluate[T any](b *browser, expression string) T {
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Logf("%.60s...: %v", expression, err)
	}
	return value
}

// enter types JSON into the editor of a CSS selector and leaves it by the
// given element: the editor formats what was typed, which moves the page.
func (b *browser) enter(css, text, leaveBy string) {
	b.t.Helper()
	b.click(css, "")
	b.do("type "+text, chromedp.KeyEvent(text))
	b.click(leaveBy, "")
	b.until("the input is formatted", func() bool { return b.lines(css) > 1 })
}

// lines counts the lines of an editor.
func (b *browser) lines(css string) int {
	return evaluate[int](b, fmt.Sprintf("[...document.querySelectorAll(%q)].filter(e => e.checkVisibility()).map(e => e.childElementCount)[0] ?? 0", css))
}

// text is all that the page shows, frames included.
func (b *browser) text() string {
	return evaluate[string](b, `(function of(d) {
		return (d.body?.innerText ?? "") + [...d.querySelectorAll("iframe")].map(f => "\n" + (f.contentDocument ? of(f.contentDocument) : "")).join("")
	})(document)`)
}

// shows waits until the page shows a text.
func (b *browser) shows(text string) {
	b.t.Helper()
	b.until("the page shows "+text, func() bool { return strings.Contains(b.text(), text) })
}

// refreshedShows waits until the page shows a text, asking for fresh data
// with the key that the page offers.
func (b *browser) refreshedShows(text string) {
	b.t.Helper()
	b.until("the refreshed page shows "+text, func() bool {
		if strings.Contains(b.text(), text) {
			return true
		}
		b.do("refresh", chromedp.KeyEvent("r"))
		return false
	})
}

// until waits for a condition.
func (b *browser) until(what string, condition func() bool) {
	b.t.Helper()
	for end := time.Now().Add(bound); !condition(); {
		if time.Now().After(end) {
			b.t.Fatalf("not within %s: %s: %s\n%s", bound, what, b.picture(), b.text()[:min(1500, len(b.text()))])
		}
		b.do("wait", chromedp.Sleep(250*time.Millisecond))
	}
}

// shot saves a screenshot for the documentation, where they are asked for.
func (b *browser) shot(name string) {
	b.t.Helper()
	if *screenshots == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o644))
}

// picture saves what the page shows now and says where.
func (b *browser) picture() string {
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	path := filepath.Join(os.TempDir(), "sluice-e2e-failure.png")
	if err == nil {
		err = os.WriteFile(path, png, 0o600)
	}
	if err != nil {
		return err.Error()
	}
	return "what the page showed is in " + path
}
