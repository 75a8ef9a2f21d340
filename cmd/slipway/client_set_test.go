package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSets(t *testing.T) {
	r := newClientRig(t)
	r.shop()
	file := filepath.Join(t.TempDir(), "slipway.yaml")
	fatal(t, os.WriteFile(file, []byte(strings.Replace(cliFile, "service: shop", "service: cart", 1)), 0o600))
	r.expect(exitOK, "cart", "apply", "-f", file)
	r.expect(exitOK, "1.0.0", "release", "create", "cart", "1.0.0", "--artifact", "app=reg/app@sha256:"+strings.Repeat("a", 64))
	create := func(more ...string) []string {
		return append([]string{"set", "create", "Checkout 7", "shop=1.0.0", "cart=1.0.0"}, more...)
	}

	r.expect(exitOK, "None.", "set", "list")
	r.expect(exitUsage, "--to says where they go", create()...)
	r.expect(exitUsage, `"till" is not of the form SERVICE=VERSION`, "set", "create", "x", "till", "--to", "staging")
	r.expect(exitUsage, `--after "shop" is not of the form`, create("--to", "staging", "--after", "shop")...)
	r.expect(exitUsage, "till is not in this set", create("--to", "staging", "--after", "till:shop")...)
	r.expect(exitFailed, "items[0].after: goes round in a circle", create("--to", "staging", "--after", "shop:cart", "--in-order")...)
	r.expect(exitUsage, `"one" is no number of a set`, "set", "show", "one")
	r.expect(exitFailed, "There is no set", "set", "show", "1")

	out := r.expect(exitOK, "All of it is live in staging.", create("--to", "staging", "--after", "shop:cart", "--wait", "--note", "at last")...)
	if cart, shop := strings.Index(out, "cart 1.0.0 succeeded"), strings.Index(out, "shop 1.0.0 running"); cart < 0 || shop >= 0 && shop < cart {
		t.Errorf("shop goes before cart has got there:\n%s", out)
	}
	r.expect(exitOK, "after cart, deployment 2", "set", "show", "1")
	r.expect(exitOK, `"note": "at last"`, "set", "show", "1", "-o", "json")
	r.expect(exitOK, "1   Checkout 7  staging      succeeded  Admin", "set", "list")
	r.expect(exitFailed, "Nothing ran there before", "set", "rollback", "1", "--reason", "bad", "--wait")

	r.expect(exitWaits, "set 2 waits for a person at shop", create("--to", "prod", "--wait", "--on-failure", "stop")...)
	r.be("viewer")
	r.expect(exitDenied, "You may not promote", create("--to", "staging")...)
	r.expect(exitDenied, "You may not", "set", "cancel", "2")
	r.be("admin")
	r.expect(exitOK, "Cancelled by Admin: lunch.", "set", "cancel", "2", "--reason", "lunch", "--wait")
	r.expect(exitFailed, "cannot be cancelled", "set", "cancel", "2")

	asked := filepath.Join(t.TempDir(), "set.yaml")
	r.expect(exitUsage, "a set has a name, and releases", "set", "create")
	r.expect(exitUsage, "do not go together", create("-f", asked)...)
	fatal(t, os.WriteFile(asked, []byte("name: Shop alone\nenvironment: staging\nitems: [{service: shop, versoin: 1.0.0}]\n"), 0o600))
	r.expect(exitUsage, `unknown field "versoin"`, "set", "create", "-f", asked)
	fatal(t, os.WriteFile(asked, []byte("name: Shop alone\nenvironment: staging\nitems: [{service: shop, version: 1.0.0}]\n"), 0o600))
	r.expect(exitOK, "All of it is live in staging.", "set", "create", "-f", asked, "--wait")
	r.expect(exitOK, "Shop alone", "set", "list", "--service", "shop")
	if out := r.expect(exitOK, "Checkout 7", "set", "list", "--service", "cart"); strings.Contains(out, "Shop alone") {
		t.Errorf("a set without cart is listed for it:\n%s", out)
	}
}
