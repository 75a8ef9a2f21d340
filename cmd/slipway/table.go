package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// deployerTableCommand writes what each deployer can do into pages, from what
// the deployers themselves say.
func deployerTableCommand() *cobra.Command {
	return &cobra.Command{Use: "deployer-table FILE...", Short: "Write the table of deployers into pages", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			dir, err := os.MkdirTemp("", "slipway-table-")
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(dir) }()
			own, closeOwn, err := ownDeployers(config{DataDir: dir}, slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			defer func() { _ = closeOwn(context.WithoutCancel(c.Context())) }()
			for _, file := range files {
				if err := writeTables(file, own); err != nil {
					return err
				}
			}
			return nil
		}}
}

// tables are what may stand between <!-- NAME --> and <!-- end of NAME -->.
func tables(own map[string]deployers.Deployer) map[string]string {
	return map[string]string{"deployers in short": shortTable(own), "deployers in full": fullTable(own)}
}

// writeTables replaces the tables of a page, of which there is at least one.
func writeTables(file string, own map[string]deployers.Deployer) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, found := string(page), false
	for name, table := range tables(own) {
		begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok {
			continue
		}
		if !closed {
			return fmt.Errorf("%s: %q is not ended by %q", file, strings.TrimSpace(begin), end)
		}
		text, found = before+begin+table+end+after, true
	}
	if !found {
		return fmt.Errorf("%s has no place for a table of deployers", file)
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

// strategiesOf are those that a deployer can carry, by the very rule that
// pipelines are held to.
func strategiesOf(d deployers.Deployer) string {
	var can []string
	for _, t := range slipway.StrategyTypes() {
		if (slipway.Strategy{Type: t}).Lacks(slipway.DeployerCapabilities(d.Capabilities())) == "" {
			can = append(can, string(t))
		}
	}
	return strings.Join(can, ", ")
}

func shortTable(own map[string]deployers.Deployer) string {
	var b strings.Builder
	fmt.Fprint(&b, "| Deployer | | Strategies |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(own)) {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, own[name].Capabilities().Summary, strategiesOf(own[name]))
	}
	return b.String()
}

func fullTable(own map[string]deployers.Deployer) string {
	var b strings.Builder
	names := slices.Sorted(maps.Keys(own))
	row := func(what string, cell func(deployers.Deployer, deployers.Capabilities) string) {
		fmt.Fprintf(&b, "| %s |", what)
		for _, name := range names {
			fmt.Fprintf(&b, " %s |", cell(own[name], own[name].Capabilities()))
		}
		fmt.Fprintln(&b)
	}
	fmt.Fprintf(&b, "| | `%s` |\n|---|%s\n", strings.Join(names, "` | `"), strings.Repeat("---|", len(names)))
	row("What it does", func(_ deployers.Deployer, c deployers.Capabilities) string { return c.Summary })
	row("Strategies", func(d deployers.Deployer, _ deployers.Capabilities) string { return strategiesOf(d) })
	for _, fact := range []struct {
		what string
		is   func(deployers.Deployer, deployers.Capabilities) bool
	}{
		{"Several replicas", func(_ deployers.Deployer, c deployers.Capabilities) bool { return c.Replicas }},
		{"Two releases side by side", func(_ deployers.Deployer, c deployers.Capabilities) bool { return c.ParallelTracks }},
		{"Traffic by weight", func(_ deployers.Deployer, c deployers.Capabilities) bool { return c.TrafficWeights }},
		{"Traffic by header or cookie", func(_ deployers.Deployer, c deployers.Capabilities) bool { return c.TrafficMatch }},
		{"Preview address", func(_ deployers.Deployer, c deployers.Capabilities) bool { return c.PreviewAddress }},
		{"Takes secrets", func(_ deployers.Deployer, c deployers.Capabilities) bool { return c.Secrets }},
		{"A lost call asks a person", func(_ deployers.Deployer, c deployers.Capabilities) bool { return c.AtMostOnce }},
		{"Shows logs", func(d deployers.Deployer, _ deployers.Capabilities) bool { _, ok := d.(deployers.LogReader); return ok }},
		{"Removes what it made", func(d deployers.Deployer, _ deployers.Capabilities) bool { _, ok := d.(deployers.Destroyer); return ok }},
	} {
		row(fact.what, func(d deployers.Deployer, c deployers.Capabilities) string {
			if fact.is(d, c) {
				return "yes"
			}
			return "no"
		})
	}
	return b.String()
}
