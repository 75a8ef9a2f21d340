package checks_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// ableDeployer takes every config and can do everything.
type ableDeployer struct{ anyDeployer }

func (ableDeployer) Capabilities(string) (slipway.DeployerCapabilities, bool) {
	return slipway.DeployerCapabilities{Replicas: true, ParallelTracks: true, TrafficWeights: true, TrafficMatch: true, PreviewAddress: true, Secrets: true}, true
}

func (ableDeployer) CheckConfig(slipway.DeployerRef) (int, []slipway.FieldError) { return 4, nil }

// TestTheExamplesOfPipelines applies every example of the page on pipelines, and
// looks on it for every word that a file can have.
func TestTheExamplesOfPipelines(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/pipelines.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := strings.Split(string(page), "```yaml\n")[1:]
	shown := map[string]bool{}
	for _, example := range examples {
		example, _, _ = strings.Cut(example, "```")
		for _, word := range regexp.MustCompile(`[A-Za-z]+`).FindAllString(example, -1) {
			shown[word] = true
		}
		file, err := manifest.ParsePipeline([]byte(wholeFile(example)))
		if err != nil {
			t.Errorf("%v\n%s", err, example)
			continue
		}
		aids := slipway.CheckAids{Deployers: ableDeployer{}, Expressions: expressions(t)}
		for _, f := range slipway.CheckPipeline(file.Pipeline, []slipway.Environment{{Name: "staging"}, {Name: "production"}}, aids) {
			t.Errorf("%s %s\n%s", f.Field, f.Message, example)
		}
	}
	words := knownWords(t)
	if len(examples) < 13 || len(words) < 80 {
		t.Errorf("%d examples, %d words", len(examples), len(words))
	}
	for _, word := range words {
		if !shown[word] {
			t.Errorf("no example has %s", word)
		}
		if !strings.Contains(string(page), "`"+word) {
			t.Errorf("the text does not speak of %s", word)
		}
	}
}

// wholeFile puts an example that is a part of a stage into one.
func wholeFile(example string) string {
	if strings.HasPrefix(example, "apiVersion") {
		return example
	}
	stage := "  - environment: production\n    " + strings.ReplaceAll(strings.TrimSpace(example), "\n", "\n    ") + "\n"
	if !strings.HasPrefix(example, "deployer") {
		stage += "    deployer: {name: process}\n"
	}
	return "apiVersion: slipway/v1\nservice: billing-api\nstages:\n  - environment: staging\n    deployer: {name: process}\n" + stage
}

// knownWords asks the reader itself which words it knows: an unknown one is
// answered with all that are known.
func knownWords(t *testing.T) []string {
	t.Helper()
	const nonsense = "qqqqqqqqqqqq"
	var words []string
	ask := func(source string) {
		_, err := manifest.ParsePipeline([]byte(strings.ReplaceAll(source, "?", nonsense)))
		if err == nil {
			t.Fatalf("%s is taken", source)
		}
		found := regexp.MustCompile(`known are ([A-Za-z, ]+)`).FindStringSubmatch(err.Error())
		if found == nil {
			t.Fatalf("%s: %v", source, err)
		}
		words = append(words, strings.Split(found[1], ", ")...)
	}
	ask("{apiVersion: slipway/v1, service: a, ?: 1}")
	ask("{apiVersion: slipway/v1, service: a, links: [{?: 1}]}")
	for _, part := range []string{"?: 1", "deployer: {?: 1}", "strategy: {?: 1}", "strategy: {type: ?}", "strategy: {steps: [{?: 1}]}", "strategy: {match: [{?: 1}]}",
		"gates: [{?: 1}]", "verify: [{?: 1}]", "hooks: {?: 1}", "hooks: {before: [{?: 1}]}", "hooks: {before: [{again: ?}]}", "waves: [{?: 1}]", "onFailure: ?"} {
		ask("{apiVersion: slipway/v1, service: a, stages: [{" + part + "}]}")
	}
	for _, kind := range slipway.GateKinds() {
		ask("{apiVersion: slipway/v1, service: a, stages: [{gates: [{" + kind + ": {?: 1}}]}]}")
	}
	for _, kind := range slipway.CheckKinds() {
		ask("{apiVersion: slipway/v1, service: a, stages: [{verify: [{" + kind + ": {?: 1}}]}]}")
	}
	slices.Sort(words)
	return slices.Compact(words)
}
