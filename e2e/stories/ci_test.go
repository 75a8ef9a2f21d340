package stories_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/identity/devissuer"
)

// runnerSecret is what a runner gives to a job, so that only it asks for tokens.
const runnerSecret = "only-this-job"

// ciSystem is a CI system beside the portal: an issuer as an Enterprise Server
// of GitHub has one, and the place where a runner's job asks for its token.
type ciSystem struct {
	*devissuer.Issuer
	server *httptest.Server
	says   map[string]any // of the next jobs, beside the audience
}

func newCISystem() (*ciSystem, error) {
	s := &ciSystem{says: map[string]any{"sub": "repo:acme@65/parcels@74:ref:refs/heads/main", "repository": "acme/parcels", "repository_id": "74", "repository_owner": "acme", "repository_owner_id": "65",
		"ref": "refs/heads/main", "event_name": "push", "sha": "4f1c0a9", "run_id": "123", "run_attempt": "1", "actor": "jonas", "actor_id": "9"}}
	s.server = httptest.NewServer(s)
	issuer, err := devissuer.New(devissuer.Config{Issuer: s.issuer(), ClientID: "x", ClientSecret: "x", RedirectURI: "http://x.example", People: []devissuer.Person{{ID: "x"}}})
	s.Issuer = issuer
	return s, err
}

func (s *ciSystem) issuer() string { return s.server.URL + "/_services/token" }

// ServeHTTP is the runner's endpoint, and else the issuer.
func (s *ciSystem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/idtoken" {
		s.Issuer.ServeHTTP(w, r)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+runnerSecret || r.URL.Query().Get("api-version") != "2.0" {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	token, err := s.mint(map[string]any{"aud": r.URL.Query().Get("audience")})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"count": len(token), "value": token})
}

func (s *ciSystem) mint(change map[string]any) (string, error) {
	said := map[string]any{}
	for _, part := range []map[string]any{s.says, change} {
		for name, value := range part {
			said[name] = value
		}
	}
	return s.WorkloadToken(said)
}

// ci start|says CLAIM=VALUE...|mint NAME CLAIM=VALUE...|down. start sets what a
// runner sets for a job; an empty value leaves a claim out.
func ciCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: ci start|says CLAIM=VALUE...|mint NAME CLAIM=VALUE...|down")
	}
	s := of(ts)
	claims := func(pairs []string) map[string]any {
		out := map[string]any{}
		for _, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			if out[name] = value; value == "" {
				out[name] = nil
			}
		}
		return out
	}
	switch args[0] {
	case "start":
		var err error
		s.ci, err = newCISystem()
		ts.Check(err)
		ts.Setenv("CI_ISSUER", s.ci.issuer())
		ts.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", s.ci.server.URL+"/idtoken?api-version=2.0")
		ts.Setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", runnerSecret)
	case "says":
		for name, value := range claims(args[1:]) {
			s.ci.says[name] = value
		}
	case "mint":
		token, err := s.ci.mint(claims(args[2:]))
		ts.Check(err)
		ts.Setenv(args[1], token)
	case "down":
		s.ci.server.Close()
	default:
		ts.Fatalf("ci cannot %q", args[0])
	}
}

// action CODE INPUT=VALUE... runs the steps of the action as a runner does, with
// nothing but the inputs, and wants an exit code. What it set as outputs is
// printed at the end.
func actionCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: action CODE INPUT=VALUE...")
	}
	dir := repository(ts, "ci/github")
	var action struct {
		Inputs map[string]struct {
			Default  string
			Required bool
		}
		Runs struct {
			Using string
			Steps []struct {
				ID, Shell, Run string
				Env            map[string]string
			}
		}
	}
	readYAML(ts, filepath.Join(dir, "action.yml"), &action)
	given := map[string]string{}
	for _, pair := range args[1:] {
		name, value, _ := strings.Cut(pair, "=")
		if _, known := action.Inputs[name]; !known {
			ts.Fatalf("the action has no input %q", name)
		}
		given[name] = value
	}
	for name, input := range action.Inputs {
		if _, ok := given[name]; !ok {
			if input.Required {
				ts.Fatalf("the action needs %s", name)
			}
			given[name] = strings.ReplaceAll(input.Default, "${{ github.sha }}", "4f1c0a9")
		}
	}
	outputs := ts.MkAbs("outputs")
	ts.Check(os.WriteFile(outputs, nil, 0o600))
	code := 0
	for _, step := range action.Runs.Steps {
		if strings.Contains(step.Run, "${{") || step.Shell != "bash" {
			ts.Fatalf("step %s puts an expression where a shell reads it, or runs in %q", step.ID, step.Shell)
		}
		env := []string{"GITHUB_ACTIONS=true", "GITHUB_ACTION_PATH=" + dir, "GITHUB_OUTPUT=" + outputs}
		for name, value := range step.Env {
			env = append(env, name+"="+regexp.MustCompile(`\$\{\{ inputs\.([a-z-]+) \}\}`).ReplaceAllStringFunc(value, func(e string) string {
				return given[strings.TrimSuffix(strings.TrimPrefix(e, "${{ inputs."), " }}")]
			}))
		}
		code = runJob(ts, env, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run)
	}
	said, err := os.ReadFile(outputs)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "outputs: %s\n", strings.ReplaceAll(strings.TrimSpace(string(said)), "\n", " "))
	if args[0] != strconv.Itoa(code) {
		ts.Fatalf("the action ended with %d, want %s", code, args[0])
	}
}

// gitlab CODE NAME=VALUE... runs the template's script as a runner does: by sh,
// with the variables and the ID token in the environment.
func gitlabCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: gitlab CODE NAME=VALUE...")
	}
	var template map[string]struct {
		IDTokens map[string]struct{ Aud string } `yaml:"id_tokens"`
		Script   []string
		Failure  struct {
			Codes []int `yaml:"exit_codes"`
		} `yaml:"allow_failure"`
	}
	readYAML(ts, filepath.Join(repository(ts, "ci/gitlab"), "slipway.yml"), &template)
	job := template[".slipway-release"]
	if job.IDTokens["SLIPWAY_ID_TOKEN"].Aud != "$SLIPWAY_URL" || len(job.Script) != 1 || !slices.Equal(job.Failure.Codes, []int{3}) {
		ts.Fatalf("the template is %+v", job)
	}
	env := append([]string{"ACTIONS_ID_TOKEN_REQUEST_URL=", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=", "SLIPWAY_URL=" + ts.Getenv("SLIPWAY_URL")}, args[1:]...)
	if code := runJob(ts, env, "sh", "-e", "-c", job.Script[0]); args[0] != strconv.Itoa(code) {
		ts.Fatalf("the template ended with %d, want %s", code, args[0])
	}
}

// runJob runs a program in the story's directory without any token of Slipway
// but what the CI system gives.
func runJob(ts *testscript.TestScript, env []string, program string, args ...string) int {
	command := exec.Command(program, args...) // #nosec G204 -- the steps of our own action
	command.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"} {
		command.Env = append(command.Env, name+"="+ts.Getenv(name))
	}
	command.Env = append(command.Env, env...)
	said, err := command.CombinedOutput()
	fmt.Fprint(ts.Stdout(), string(said))
	ts.Logf("%s", said)
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		ts.Check(err)
	}
	return command.ProcessState.ExitCode()
}

func readYAML(ts *testscript.TestScript, path string, into any) {
	content, err := os.ReadFile(path)
	ts.Check(err)
	ts.Check(yaml.Unmarshal(content, into))
}

func repository(ts *testscript.TestScript, path string) string {
	found, err := filepath.Abs(filepath.Join("..", "..", path))
	ts.Check(err)
	return found
}
