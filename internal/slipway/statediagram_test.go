package slipway

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/deployment-states.md anew")

const statesPage = "../../docs/deployment-states.md"

// TestStateDiagram keeps the page for people equal to the table of the machine.
func TestStateDiagram(t *testing.T) {
	t.Parallel()
	want := drawStates()
	if *update {
		if err := os.WriteFile(statesPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(statesPage)
	if err != nil || string(have) != want {
		t.Fatalf("docs/deployment-states.md is not what the table says (%v); run: go test ./internal/slipway -run TestStateDiagram -update", err)
	}
}

func drawStates() string {
	var b strings.Builder
	b.WriteString("# The states of a deployment\n\n" +
		"<!-- Generated from internal/slipway/machine_table.go: go test ./internal/slipway -run TestStateDiagram -update -->\n\n" +
		"A deployment moves only along these lines. An event that a state does not list is refused and changes nothing.\n" +
		"A state that lists nothing is final.\n\n```mermaid\nstateDiagram-v2\n    [*] --> waiting\n")
	type arrow struct{ from, to State }
	labels := map[arrow][]string{}
	var arrows []arrow
	for _, line := range Table() {
		for _, to := range line.To {
			a := arrow{line.From, to}
			if to == line.From {
				continue // staying is in the table below
			}
			if len(labels[a]) == 0 {
				arrows = append(arrows, a)
			}
			labels[a] = append(labels[a], line.On)
		}
	}
	for _, a := range arrows {
		fmt.Fprintf(&b, "    %s --> %s: %s\n", a.from, a.to, strings.Join(labels[a], ", "))
	}
	for _, s := range States() {
		if !s.Active() {
			fmt.Fprintf(&b, "    %s --> [*]\n", s)
		}
	}
	b.WriteString("```\n\n| State | Event | Leads to |\n|---|---|---|\n")
	for _, line := range Table() {
		to := make([]string, len(line.To))
		for i, s := range line.To {
			to[i] = string(s)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", line.From, line.On, strings.Join(to, ", "))
	}
	var final []string
	for _, s := range States() {
		if !s.Active() {
			final = append(final, string(s))
		}
	}
	fmt.Fprintf(&b, "\nFinal: %s.\n", strings.Join(final, ", "))
	return b.String()
}
