package walls_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/e2e/walls"
)

const ours = walls.Module + "/"

// probe is one import that somebody might write, and whether a wall stands there.
type probe struct {
	pkg, imp string
	wall     bool
}

func probes() []probe {
	forbid := func(pkg, imp string) probe { return probe{pkg, imp, true} }
	permit := func(pkg, imp string) probe { return probe{pkg, imp, false} }
	return []probe{
		forbid("internal/slipway", "gorm.io/gorm"),
		forbid("internal/slipway", "example.org/anything"),
		forbid("internal/slipway", ours+"internal/policy"),
		forbid("internal/policy", ours+"internal/app"),
		permit("internal/policy", ours+"internal/slipway"),
		forbid("internal/app", ours+"internal/store"),
		forbid("internal/app", ours+"internal/engine"),
		forbid("internal/app", ours+"deployers"),
		permit("internal/app", ours+"internal/policy"),
		permit("internal/app", "net/http"),
		forbid("internal/engine", ours+"internal/store"),
		forbid("internal/engine", ours+"internal/app"),
		forbid("internal/engine", ours+"deployers/fake"),
		forbid("internal/engine", "github.com/riverqueue/river"),
		permit("internal/engine", ours+"deployers"),
		forbid("internal/store", ours+"internal/app"),
		forbid("internal/store", "github.com/mattn/go-sqlite3"),
		permit("internal/store", "gorm.io/gorm"),
		permit("internal/store", "github.com/riverqueue/river"),
		permit("internal/store", ours+"migrations"),
		forbid("internal/secrets", ours+"internal/store"),
		permit("internal/secrets", "github.com/hashicorp/vault/api"),
		forbid("internal/identity", ours+"internal/store"),
		forbid("internal/manifest", ours+"internal/app"),
		forbid("internal/server/rest", ours+"internal/store"),
		forbid("internal/server/rest", ours+"internal/engine"),
		forbid("internal/server/rest", ours+"internal/secrets"),
		forbid("internal/server/rest", ours+"internal/policy"),
		forbid("internal/server/rest", ours+"web/page"),
		forbid("internal/server/rest", "github.com/a-h/templ"),
		permit("internal/server/rest", ours+"internal/app"),
		permit("internal/server/rest", "github.com/labstack/echo/v4"),
		forbid("internal/server/chatops", ours+"web/page"),
		forbid("internal/server/browser", ours+"internal/store"),
		permit("internal/server/browser", ours+"web/page"),
		permit("internal/server/browser", "github.com/a-h/templ"),
		forbid("internal/client", "github.com/labstack/echo/v4"),
		forbid("internal/jobs", ours+"internal/slipway"),
		forbid("internal/jobs", ours+"deployers/process"),
		permit("internal/jobs", ours+"deployers"),
		forbid("internal/jobs", "example.org/anything"),
		forbid("internal/outbound", ours+"internal/slipway"),
		forbid("internal/outbound", "example.org/anything"),
		forbid("internal/checks", ours+"internal/engine"),
		forbid("internal/checks", "github.com/sigstore/sigstore-go/pkg/verify"),
		forbid("internal/slipway", "github.com/in-toto/attestation"),
		forbid("internal/provenance", ours+"internal/checks"),
		permit("internal/provenance", ours+"internal/slipway"),
		permit("internal/provenance", "github.com/sigstore/sigstore-go/pkg/verify"),
		permit("internal/calendar", ours+"internal/slipway"),
		permit("internal/calendar", "github.com/teambition/rrule-go"),
		forbid("internal/calendar", ours+"internal/app"),
		forbid("internal/app", "github.com/teambition/rrule-go"),
		forbid("internal/checks", ours+"internal/jobs"),
		permit("internal/checks", ours+"internal/slipway"),
		permit("internal/checks", ours+"internal/outbound"),
		permit("internal/checks", "github.com/google/cel-go/cel"),
		permit("internal/checks", "github.com/prometheus/client_golang/api"),
		forbid("internal/app", "github.com/google/cel-go/cel"),
		forbid("internal/server/rest", "github.com/google/cel-go/cel"),
		forbid("internal/server/rest", "github.com/prometheus/client_golang/api"),
		permit("internal/server/rest", "github.com/prometheus/client_golang/prometheus"),
		forbid("internal/demo", ours+"internal/store"),
		permit("internal/demo", ours+"internal/app"),
		forbid("web/page", ours+"internal/slipway"),
		forbid("web/page", "github.com/labstack/echo/v4"),
		forbid("deployers", ours+"internal/slipway"),
		forbid("deployers/process", ours+"internal/slipway"),
		permit("deployers/process", ours+"deployers"),
		forbid("deployers/process", "k8s.io/client-go/rest"),
		permit("deployers/kubernetes", "k8s.io/client-go/rest"),
		forbid("deployers/kubernetes", ours+"internal/slipway"),
		forbid("internal/engine", "k8s.io/client-go/rest"),
		forbid("cmd/slipway", "gorm.io/gorm"),
		forbid("cmd/slipway", "github.com/labstack/echo/v4"),
		permit("cmd/slipway", ours+"internal/store"),
	}
}

func TestTheTableBites(t *testing.T) {
	t.Parallel()
	for _, p := range append(probes(),
		probe{"deployers/process", ours + "deployers/fake", true},
		probe{"deployers/process", ours + "deployers/protocol", true},
		probe{"deployers/exec", ours + "deployers/protocol", false},
		probe{"deployers/exec", ours + "deployers/process", true},
		probe{"deployers/process", ours + "deployers/process/proxy", false},
		probe{"internal/newroom", "fmt", true},
	) {
		why := walls.Violation(ours+p.pkg, p.imp, false)
		if (why != "") != p.wall {
			t.Errorf("%s imports %s: wall wanted %t, got %q", p.pkg, p.imp, p.wall, why)
		}
	}
	for _, p := range []probe{
		{"internal/app", ours + "internal/store", false}, // a test of a use case may use the real store
		{"internal/app", "gorm.io/gorm", true},           // but no test speaks gorm
	} {
		why := walls.Violation(ours+p.pkg, p.imp, true)
		if (why != "") != p.wall {
			t.Errorf("a test of %s imports %s: wall wanted %t, got %q", p.pkg, p.imp, p.wall, why)
		}
	}
}

// TestTheLinterBites runs the real linter with the real configuration over a
// house of the same rooms, with one such import in each file.
func TestTheLinterBites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[probe]string{}
	for i, p := range probes() {
		files[p] = filepath.Join(filepath.FromSlash(p.pkg), fmt.Sprintf("probe%02d.go", i))
		write(t, filepath.Join(dir, files[p]), fmt.Sprintf("package %s\n\nimport _ %q\n", filepath.Base(p.pkg), p.imp))
	}
	config, err := os.ReadFile("../../.golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".golangci.yml"), string(config))
	writeStubs(t, dir)

	var reported []string
	for _, issue := range lint(t, dir) {
		if !strings.Contains(issue.Text, "not allowed from list") {
			t.Errorf("%s: %s", issue.Pos.Filename, issue.Text)
		}
		reported = append(reported, filepath.FromSlash(issue.Pos.Filename))
	}
	for p, file := range files {
		if slices.Contains(reported, file) != p.wall {
			t.Errorf("%s imports %s: wall wanted %t, the linter says otherwise", p.pkg, p.imp, p.wall)
		}
	}
}

// writeStubs makes every import resolve. The rooms of the probe stand in a
// module of their own below ours, which may see internal packages and makes no
// import cycle, whatever imports what.
func writeStubs(t *testing.T, dir string) {
	t.Helper()
	mods := map[string]bool{}
	for _, p := range probes() {
		if std := !strings.Contains(strings.Split(p.imp, "/")[0], "."); std {
			continue
		}
		mod := p.imp
		if strings.HasPrefix(p.imp, ours) {
			mod = walls.Module
		}
		mods[mod] = true
		at := filepath.Join(dir, "stub", filepath.FromSlash(p.imp))
		write(t, filepath.Join(at, "stub.go"), "package stub\n")
	}
	gomod := "module " + ours + "probe\n\ngo 1.26\n"
	for mod := range mods {
		version := "v0.0.0"
		if strings.HasSuffix(mod, "/v4") {
			version = "v4.0.0"
		}
		gomod += fmt.Sprintf("require %s %s\nreplace %s => ./stub/%s\n", mod, version, mod, mod)
		write(t, filepath.Join(dir, "stub", filepath.FromSlash(mod), "go.mod"), "module "+mod+"\n\ngo 1.26\n")
	}
	write(t, filepath.Join(dir, "go.mod"), gomod)
}

type issue struct {
	Text string
	Pos  struct{ Filename string }
}

func lint(t *testing.T, dir string) []issue {
	t.Helper()
	tool := exec.CommandContext(t.Context(), "../../.ci/tool", "golangci-lint")
	tool.Stderr = os.Stderr
	path, err := tool.Output()
	if err != nil {
		t.Fatalf("no linter: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), strings.TrimSpace(string(path)), "run", "--enable-only=depguard",
		"--allow-parallel-runners", "--output.json.path=stdout", "--show-stats=false", "--issues-exit-code=0", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the linter did not run: %v\n%s", err, out)
	}
	var report struct{ Issues []issue }
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("the linter said something else: %v\n%s", err, out)
	}
	return report.Issues
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
