package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
)

func TestTheTableSaysWhatDeployersSay(t *testing.T) {
	t.Parallel()
	own := map[string]deployers.Deployer{"plain": plainDeployer{}, "fake": fake.New(fake.Options{})}
	page := filepath.Join(t.TempDir(), "page.md")
	write := func(text string) {
		if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("before\n<!-- deployers in short -->\nold\n<!-- end of deployers in short -->\nafter\n")
	for range 2 { // the second time it changes nothing
		if err := writeTables(page, own); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		want := "before\n<!-- deployers in short -->\n| Deployer | | Strategies |\n|---|---|---|\n" +
			"| `fake` | Runs nothing and says what it is told to say; for demonstrations and tests | recreate, rolling, blueGreen, canary, partial |\n" +
			"| `plain` | One at a time | recreate |\n<!-- end of deployers in short -->\nafter\n"
		if string(got) != want {
			t.Errorf("got\n%s\nwanted\n%s", got, want)
		}
	}
	full := fullTable(own)
	for _, row := range []string{"| | `fake` | `plain` |\n|---|---|---|", "| Traffic by weight | yes | no |", "| Takes secrets | yes | yes |", "| Shows logs | yes | no |"} {
		if !strings.Contains(full, row) {
			t.Errorf("no row %q in\n%s", row, full)
		}
	}
	for _, text := range []string{"no place", "<!-- deployers in full -->\nand no end"} {
		write(text)
		if err := writeTables(page, own); err == nil {
			t.Errorf("%q was written", text)
		}
	}
}

type plainDeployer struct{ deployers.Deployer }

func (plainDeployer) Capabilities() deployers.Capabilities {
	return deployers.Capabilities{Summary: "One at a time", Secrets: true}
}
