package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const examples = "../../docs/examples/"

// TestTheExamplesConform runs the deployers of docs/examples as a stranger does.
func TestTheExamplesConform(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		program, config string
		kept            int
	}{
		{examples + "deployer-shell/deployer.sh", examples + "deployer-shell/conformance.json", 23},
		{examples + "deployer-python/deployer.py", examples + "deployer-python/conformance.json", 25},
	} {
		t.Run(filepath.Base(c.program), func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			err := conformance{other: otherDeployer{Exec: absolute(t, c.program)}, config: c.config, out: &out}.run(t.Context())
			if err != nil || strings.Count(out.String(), "\nok ") != c.kept {
				t.Errorf("%v; wanted %d rules kept:\n%s", err, c.kept, out.String())
			}
		})
	}
}

// TestABrokenDeployerIsToldWhy runs the example with a fence that lets all in.
func TestABrokenDeployerIsToldWhy(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	r := conformance{other: otherDeployer{Exec: absolute(t, "testdata/unfenced.sh")}, config: examples + "deployer-shell/conformance.json",
		only: "^(apply converges|an older generation is refused)$", out: &out}
	var exit exitError
	if err := r.run(t.Context()); !errors.As(err, &exit) || exit.code != exitFailed {
		t.Errorf("a deployer without a fence conforms: %v", err)
	}
	for _, want := range []string{"FAILED       an older generation is refused\n", "generation 6 must be refused", "ok           apply converges"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
}

func TestNoAnswerIsNoConformance(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, r := range map[int]conformance{
		exitFailed: {other: otherDeployer{Webhook: s.URL, SecretFile: secret}, config: `{"good":{"config":{}}}`},
		exitUsage:  {other: otherDeployer{Webhook: s.URL}, config: `{"good":{"config":{}}}`},
	} {
		var exit exitError
		r.out = &strings.Builder{}
		if err := r.run(t.Context()); !errors.As(err, &exit) || exit.code != want {
			t.Errorf("wanted the exit code %d, got %v", want, err)
		}
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	out, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
