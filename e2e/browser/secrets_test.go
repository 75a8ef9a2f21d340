package browser_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// write types into one field, which a name alone does not tell from others.
func (b *tab) write(field, text string) {
	b.t.Helper()
	b.until("to find "+field, `document.querySelector(`+quote(field)+`) !== null`)
	eval[bool](b, `(() => { const f = document.querySelector(`+quote(field)+`); f.focus(); f.select?.(); return true })()`)
	b.do(chromedp.KeyEvent(text))
}

func (b *tab) setKey(key, value string) {
	b.t.Helper()
	b.write("#k-key", key)
	b.write("#k-value", value)
	b.click("Set the key")
}

// The page of secrets as people use it: set, be overtaken, copy, reveal, go back,
// take a version away, and have a change of production approved.
func TestSecretsByHand(t *testing.T) {
	t.Parallel()
	p := start(t)
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	pipeline := strings.Replace(p.Pipeline("safe", "{type: rolling}"), "    onFailure: rollback\n", "    onFailure: rollback\n    secrets: [STRIPE_KEY]\n    secretApproval: {count: 1}\n", 1)
	p.Must(t, http.MethodPost, "/api/v1/apply", pipeline, nil)
	const canary, dev, production = "canary-77d1", "/s/safe/secrets?environment=dev", "/s/safe/secrets?environment=production"
	ana, ben := open(t, p), open(t, p)
	ana.signIn("Ana Nordin")
	ben.signIn("Ben Okafor")

	ana.visit(dev)
	ana.setKey("STRIPE_KEY", canary+"-1")
	ana.sees("STRIPE_KEY is set in dev, as version 1.")
	p.Must(t, http.MethodPatch, "/api/v1/services/safe/environments/dev/secrets", map[string]any{"set": map[string]string{"DB": "x"}}, nil)
	ana.expect("409")
	ana.setKey("STRIPE_KEY", canary+"-2")
	ana.sees("since you opened it at version 1. Nothing was written.")
	ana.setKey("STRIPE_KEY", canary+"-2")
	ana.sees("STRIPE_KEY is set in dev, as version 3.")
	ana.seesNot(canary)

	eval[bool](ana, `(() => { navigator.clipboard.write = async (items) => { window.copied = await (await items[0].getType("text/plain")).text() }; return true })()`)
	ana.click("Copy STRIPE_KEY in dev without showing it")
	ana.until("to have copied", `window.copied === `+quote(canary+"-2"))
	if eval[bool](ana, `document.documentElement.outerHTML.includes(`+quote(canary)+`)`) {
		t.Error("what was copied is in the page")
	}
	ana.click("Reveal STRIPE_KEY in dev")
	ana.sees(canary + "-2")
	ana.sees("Shown for 30 seconds")
	ana.visit(dev)
	ana.seesNot(canary)
	ana.click("Roll back to 1")
	ana.sees("Version 1 is back in dev, as version 4.")
	ana.click("Changes of version 4")
	ana.sees("Version 4 against version 3")
	ana.sees("removed")
	ana.click("Delete version 2")
	ana.sees("Version 2 in dev is deleted.")
	ana.click("Undelete version 2")
	ana.sees("Version 2 in dev is back.")
	ana.click("Destroy…, version 2")
	ana.write("#confirm-2", "2")
	ana.clickIn("details[open] form", "Destroy version 2")
	ana.sees("Version 2 in dev is destroyed for good.")
	ana.click("Restrict the key")
	ana.sees("STRIPE_KEY in dev is restricted: nobody can see it any more.")
	if eval[bool](ana, `document.querySelector('[aria-label^="Reveal "], [aria-label^="Copy STRIPE_KEY"]') !== null`) {
		t.Error("Ana is offered to see what nobody can")
	}

	ana.visit(production)
	ana.setKey("STRIPE_KEY", canary+"-9")
	ana.sees("Change 1 waits for approval. Nothing was written yet.")
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{1440, 360} {
			ana.look(theme, width)
			ana.inspect(shot{"secrets with a change that waits", production}, string(axe), theme)
			if dir := os.Getenv("SLIPWAY_SHOTS"); dir != "" {
				picture(ana, filepath.Join(dir, "secrets-waits-"+theme+"-"+map[int64]string{1440: "1440", 360: "360"}[width]+".png"))
			}
		}
	}
	ben.visit("/inbox")
	ben.click("safe sets STRIPE_KEY in production")
	ben.click(", change 1 in production")
	ben.sees("Change 1 is applied.")
	ben.seesNot(canary)

	ana.visit(production)
	ana.click("Delete version 1")
	ana.sees("Change 2 waits for approval. Nothing was changed yet.")
	ana.sees("Deletes version 1")
	ben.visit("/inbox")
	ben.click("safe deletes version 1 in production")
	ben.click(", change 2 in production")
	ben.sees("Change 2 is applied. It is done.")
	ana.visit(production)
	ana.sees("Undelete")
}
