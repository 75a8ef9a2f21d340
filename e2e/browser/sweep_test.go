package browser_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// Every page in both themes, narrow and wide: no serious finding of axe, no
// sideways scroll. That the console, the content policy and the network have
// nothing to complain about is watched by every tab of every test.
func TestEveryPageIsAccessible(t *testing.T) {
	t.Parallel()
	p := start(t)
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	all := pages(t, p)
	var both sync.WaitGroup
	for _, theme := range []string{"light", "dark"} {
		b, door := open(t, p), open(t, p)
		b.signIn("Ana Nordin")
		b.expect("404") // the page that is not there
		both.Go(func() {
			for _, width := range []int64{1440, 360} {
				b.look(theme, width)
				door.look(theme, width)
				for _, s := range all {
					b.inspect(s, string(axe), fmt.Sprintf("%s at %d px", theme, width))
				}
				door.inspect(shot{"sign-in", "/sign-in"}, string(axe), fmt.Sprintf("%s at %d px", theme, width))
			}
		})
	}
	both.Wait()
}

// inspect reports instead of ending the test: one page's fault must not hide
// another's.
func (b *tab) inspect(s shot, axe, look string) {
	b.visit(s.path)
	findings, err := b.axe(axe)
	if err != nil {
		b.t.Errorf("%s %s: %v", s.name, look, err)
		return
	}
	for _, f := range findings {
		b.t.Errorf("%s, %s: %s", s.name, look, f)
	}
	wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`(() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return "";
  const e = [...document.querySelectorAll("body *")].find((e) => e.getBoundingClientRect().right > room + 1);
  return document.documentElement.scrollWidth + " px in " + room + ": " + (e?.outerHTML.slice(0, 160) ?? "");
})()`))
	if err != nil || wide != "" {
		b.t.Errorf("%s, %s: scrolls sideways: %s %v", s.name, look, wide, err)
	}
}

// axe returns the serious and critical findings on the page.
func (b *tab) axe(source string) ([]string, error) {
	return chromedp.Run(b.ctx, chromedp.Evaluate[[]string](source+`;axe.run(document, {resultTypes: ["violations"]}).then((r) =>
  r.violations.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) =>
    v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.html + " " + (n.any[0]?.message ?? "")).join(" | ")))`, chromedp.EvalAwaitPromise))
}

// The sweep can fail: axe finds a button that nobody can name, and the tab hears
// a style that the content policy refuses.
func TestTheSweepBites(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, start(t))
	b.visit("/sign-in")
	eval[bool](b, `document.querySelector("main").insertAdjacentHTML("beforeend", "<button style='color: red'></button>"), true`)
	findings, err := b.axe(string(source))
	if err != nil || len(findings) != 1 || !strings.HasPrefix(findings[0], "button-name") {
		t.Errorf("axe found %q, %v", findings, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.complaints) != 1 || !strings.Contains(b.complaints[0], "Content Security Policy") {
		t.Errorf("the tab heard %q", b.complaints)
	}
	b.complaints = nil
}

// At 320 px, which is 1280 px at 400 %, nothing but the board scrolls sideways.
func TestNoSidewaysScrollWhenZoomed(t *testing.T) {
	t.Parallel()
	p := start(t)
	b := open(t, p)
	b.signIn("Ana Nordin")
	b.expect("404")
	b.look("light", 320)
	for _, s := range pages(t, p) {
		if strings.HasPrefix(s.name, "board") {
			continue
		}
		b.visit(s.path)
		if got := eval[int](b, `document.documentElement.scrollWidth`); got > 320 {
			t.Errorf("%s is %d px wide in a window of 320", s.name, got)
		}
	}
}
