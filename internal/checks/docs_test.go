package checks_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// anyDeployer takes every config.
type anyDeployer struct{}

func (anyDeployer) Names() []string { return []string{"process"} }

func (anyDeployer) Capabilities(string) (slipway.DeployerCapabilities, bool) {
	return slipway.DeployerCapabilities{Replicas: true, ParallelTracks: true}, true
}

func (anyDeployer) CheckConfig(slipway.DeployerRef) (int, []slipway.FieldError) { return 1, nil }

func (anyDeployer) CheckWay(context.Context, slipway.Plan) error { return nil }

func (anyDeployer) Preview(context.Context, slipway.Plan) (string, []byte, error) {
	return "", nil, nil
}

// TestTheExamplesOfThePage applies each example of the page for users.
func TestTheExamplesOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/verification.md")
	if err != nil {
		t.Fatal(err)
	}
	const head = "apiVersion: slipway/v1\nservice: billing-api\nteam: payments\nstages:\n  - environment: production\n    deployer: {name: process}\n"
	examples := strings.Split(string(page), "```yaml\n")[1:]
	if len(examples) < 9 {
		t.Errorf("the page has %d examples", len(examples))
	}
	for _, example := range examples {
		example, _, _ = strings.Cut(example, "```")
		text := head + "    " + strings.ReplaceAll(example, "\n", "\n    ")
		file, err := manifest.ParsePipeline([]byte(text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		aids := slipway.CheckAids{Deployers: anyDeployer{}, Expressions: expressions(t)}
		for _, f := range slipway.CheckPipeline(file.Pipeline, []slipway.Environment{{Name: "production"}}, aids) {
			t.Errorf("%s %s\n%s", f.Field, f.Message, text)
		}
	}
}
