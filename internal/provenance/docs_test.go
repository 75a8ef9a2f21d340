package provenance_test

import (
	"os"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestTheExamplesOfThePage reads each gate of the page for users and has it
// opened by what such a workflow signs.
func TestTheExamplesOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/provenance.md")
	fatal(t, err)
	s := newSigstore(t)
	examples := strings.Split(string(page), "```yaml\n")[1:]
	if len(examples) != 2 {
		t.Fatalf("the page has %d examples", len(examples))
	}
	for i, ref := range []string{"refs/heads/main", "refs/tags/v1.42.0"} {
		example, _, _ := strings.Cut(examples[i], "```")
		text := "apiVersion: slipway/v1\nservice: billing\nteam: web\nstages:\n  - environment: prod\n    deployer: {name: process}\n    " +
			strings.ReplaceAll(example, "\n", "\n    ")
		file, err := manifest.ParsePipeline([]byte(text))
		fatal(t, err)
		g := *file.Pipeline.Stages[0].Gates[0].Provenance
		workflow := "https://github.com/acme/billing/.github/workflows/release.yml@" + ref
		by := ci()
		by.identity = workflow
		r := release(s.attest(by, statement(func(_, _, parameters, builder map[string]any) {
			builder["id"] = workflow
			parameters["workflow"].(map[string]any)["ref"] = ref
		}, digest("a"))))
		expect(t, verifier(t, s.root(parts{})), g, r, slipway.Pass)
		expect(t, verifier(t, s.root(parts{})), g, release(), slipway.Fail)
	}
}
