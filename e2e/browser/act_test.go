package browser_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// find is an expression for the element that a person would mean by a label:
// a visible link, button, summary or radio label with exactly that text, or else
// one that begins with it, or else one that contains it. Within limits the search to part of the page.
func find(within, label string) string {
	return fmt.Sprintf(`(() => {
  const text = (e) => {
    const copy = e.cloneNode(true);
    copy.querySelectorAll("[aria-hidden=true]").forEach((hidden) => hidden.remove());
    return (e.ariaLabel || copy.textContent).replace(/\s+/g, " ").trim();
  };
  const seen = (e) => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0;
  const all = [...document.querySelectorAll(%s)].flatMap((p) => [...p.querySelectorAll("a[href],button,summary,label")]).filter(seen);
  return all.find((e) => text(e) === %s) ?? all.find((e) => text(e).startsWith(%s)) ?? all.find((e) => text(e).includes(%s));
})()`, quote(within), quote(label), quote(label), quote(label))
}

// click presses what bears the label, with the mouse, where it can be seen.
func (b *tab) click(label string) {
	b.t.Helper()
	b.clickIn("body", label)
}

// clickIn is click within part of the page.
func (b *tab) clickIn(within, label string) {
	b.t.Helper()
	b.until("to find "+quote(label)+" to click in "+within, find(within, label)+" !== undefined")
	b.press(find(within, label), label)
}

// press clicks in the middle of the element that the expression gives. That
// point must belong to the element: what is covered cannot be clicked.
func (b *tab) press(element, name string) {
	b.t.Helper()
	var at struct {
		X, Y    float64
		Covered string
	}
	point := fmt.Sprintf(`JSON.stringify((() => {
  const e = %s;
  e.scrollIntoView({block: "center", behavior: "instant"});
  const r = [...e.getClientRects()].find((r) => r.width > 0);
  const x = r.left + r.width / 2, y = r.top + r.height / 2;
  const top = document.elementFromPoint(x, y);
  return {x, y, covered: e.contains(top) || top?.contains(e) ? "" : top?.outerHTML.slice(0, 200) ?? "outside of the window"};
})())`, element)
	// What moves is not hit: wait until it rests.
	last := ""
	deadline := time.Now().Add(patience)
	for {
		raw := eval[string](b, point)
		decode(b.t, raw, &at)
		if raw == last && at.Covered == "" {
			break
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%q cannot be clicked: %s lies over it", name, at.Covered)
		}
		last = raw
	}
	b.clicks++
	b.do(chromedp.MouseClickXY(at.X, at.Y))
}

// fill types into the field with the label or the name.
func (b *tab) fill(name, text string) {
	b.t.Helper()
	field := fmt.Sprintf(`main [name=%s]`, quote(name))
	b.until("to find the field "+name, fmt.Sprintf("document.querySelector(%s) !== null", quote(field)))
	eval[bool](b, fmt.Sprintf(`(() => { const f = document.querySelector(%s); f.focus(); f.select?.(); return true })()`, quote(field)))
	if strings.Contains(text, "\n") {
		// As by pasting: each newline typed would be a key of its own.
		call(b, input.InsertText, input.InsertTextParams{Text: text})
		return
	}
	b.do(chromedp.KeyEvent(text))
}

// choose picks the option with the value.
func (b *tab) choose(name, value string) {
	b.t.Helper()
	ok := eval[bool](b, fmt.Sprintf(`(() => { const f = document.querySelector(%s); f.value = %s;
  f.dispatchEvent(new Event("change", {bubbles: true})); return f.value === %s })()`, quote(`main select[name=`+quote(name)+`]`), quote(value), quote(value)))
	if !ok {
		b.t.Fatalf("the choice %s has no option %q", name, value)
	}
}

// key presses keys, such as "g" "b", or one of chromedp/kb. A page can be read
// before its scripts listen; a test types sooner than people do, so it waits.
func (b *tab) key(keys ...string) {
	b.t.Helper()
	b.until("the scripts to listen", `document.readyState === "complete"`)
	for _, k := range keys {
		b.do(chromedp.KeyEvent(k))
	}
}

// chord presses a key together with Control.
func (b *tab) chord(key string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(key, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
}

const (
	enter     = kb.Enter
	escape    = kb.Escape
	arrowDown = kb.ArrowDown
)

// signIn goes the whole way as a person would: the door, the provider's page,
// the choice of who to be.
func (b *tab) signIn(name string) {
	b.t.Helper()
	b.visit("/sign-in")
	b.click("Sign in with")
	b.chooseAtProvider(name)
	b.at("/")
}

func (b *tab) chooseAtProvider(name string) {
	b.t.Helper()
	b.at(`/dev/issuer/login\?.*`)
	b.click(name)
}

func decode(t testing.TB, raw string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(raw), into); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
}
