package browser_test

import (
	"testing"
)

// The inbox and the way around by keys alone, with the focus always to be seen.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	p := start(t)
	b := open(t, p)
	b.signIn("Ben Okafor")

	b.key("g", "i")
	b.at("/inbox")
	focused := func(what, text string) {
		t.Helper()
		b.until(what, `document.activeElement.innerText.includes(`+quote(text)+`)`)
		if !eval[bool](b, `(() => { const e = document.activeElement, r = e.getBoundingClientRect();
  const s = getComputedStyle(e), at = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
  return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 && (e.contains(at) || at?.contains(e)) })()`) {
			t.Errorf("%s: the focus cannot be seen", what)
		}
	}
	b.key("j")
	focused("the first row", "billing-api")
	b.key("j")
	focused("the second row", "checkout")
	b.key("k")
	focused("back at the first row", "billing-api")
	b.key(enter)
	b.sees("Round half to even in invoice totals")
	b.key("a")
	b.sees("You approved 1.42.0 to production of billing-api.")

	b.key("g", "b")
	b.at("/")
	b.key("?")
	b.sees("Next and previous row")
	b.key(escape)
	b.until("the keys to be closed", `!document.querySelector("dialog[open]")`)

	b.chord("k")
	b.until("the palette to be open", `document.querySelector("#palette").open && document.activeElement.id === "palette-box"`)
	b.key("ledger")
	b.until("the palette to find it", `document.querySelector("#found [data-found]")?.innerText.includes("ledger")`)
	b.key(arrowDown, enter)
	b.at("/s/ledger.*")
}
