package process

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// canary is a value whose forms all look different.
const canary = "cnry/4f+\"é<&>81c0-7d"

// shown is all that Logs has to say.
func (f *fixture) shown(t deployertest.T) string {
	t.Helper()
	lines, _, err := f.Logs(context.Background(), f.target, "", maxLogLines)
	if err != nil {
		t.Fatalf("Logs: %v", err)
	}
	var all strings.Builder
	for _, l := range lines {
		fmt.Fprintln(&all, l.Text)
	}
	return all.String()
}

// clean fails if the text holds a form of the canary, or half of one.
func clean(t deployertest.T, when, text string) {
	t.Helper()
	var said bytes.Buffer
	blab(&said, canary)
	for line := range strings.Lines(said.String()) {
		if name, form, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			if form = strings.Trim(form, `"`); name == "base64" {
				form = form[4 : len(form)-8] // what is beside it has letters at the ends
			}
			if strings.Contains(text, form) {
				t.Errorf("%s: it is shown as %s", when, name)
			}
		}
	}
	for n := 4; n < len(canary)-4; n++ {
		if strings.Contains(text, canary[:n]+"\n") || strings.Contains(text, "\n"+canary[n:]) {
			t.Errorf("%s: a half of it is shown, %d bytes from its beginning", when, n)
		}
	}
}

// TestLogsShowNoFormOfASecret: nor after another value has come, nor while it is
// not known since Slipway was started again.
func TestLogsShowNoFormOfASecret(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	track := release(t, f.dir, "1.0.0", "")
	track.Secrets = values{"CANARY_TOKEN": deployers.NewSecret(canary)}
	f.apply(t, 1, track)
	f.converged(t, 1)
	shown := f.shown(t)
	clean(t, "at first", shown)
	for _, want := range []string{"plain: ***\n", `json: "***"`, "hex: ***\n", "HEX: ***\n", "query: ***\n", "path: ***\n", "*** and on...", "plain line\n"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not shown", want)
		}
	}

	f.restart(t)
	f.converged(t, 1)
	if shown := f.shown(t); !strings.HasPrefix(shown, notShown) || strings.Count(shown, "\n") != 1 {
		t.Errorf("while it is not known: %.300s", shown)
	}
	_, next, err := f.Logs(t.Context(), f.target, "", 100)
	if lines, _, errAgain := f.Logs(t.Context(), f.target, next, 100); err != nil || errAgain != nil || len(lines) != 0 {
		t.Errorf("it is said again: %v, %v, %v", lines, err, errAgain)
	}
	f.apply(t, 1, track)
	if lines, _, err := f.Logs(t.Context(), f.target, next, 100); err != nil || len(lines) < 50 || lines[1].Text != "plain: ***" {
		t.Errorf("once it is known again: %d lines, %v", len(lines), err)
	}

	other := release(t, f.dir, "1.0.0", "")
	other.ID, other.Secrets = "another value", values{"CANARY_TOKEN": deployers.NewSecret("another value")}
	f.apply(t, 2, other)
	f.converged(t, 2)
	deployertest.Eventually(t, 10*time.Second, "the old value is needed no more", func() (bool, string) {
		d := f.targets[f.target]
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.secrets) == 1, fmt.Sprint(d.secrets)
	})
	if shown = f.shown(t); !strings.Contains(shown, "plain: ***\n") || strings.Contains(shown, "another value") {
		t.Errorf("after another value: %.300s", shown)
	}
	clean(t, "after another value", shown)
}

// TestTheLastLineIsNoHalfOfASecret: only the end of a log is read for it.
func TestTheLastLineIsNoHalfOfASecret(t *testing.T) {
	t.Parallel()
	hider := deployers.NewHider([]string{canary})
	for n := range 3 * len(canary) {
		path := filepath.Join(t.TempDir(), "x.err")
		text := strings.Repeat(".", 100) + canary + canary + strings.Repeat("-", tailBytes+hider.Longest()-n)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		line := lastLineOf(path, hider)
		if line = strings.Trim(strings.ReplaceAll(line, "***", ""), "-."); line != "" {
			t.Errorf("%d bytes from its end: %.60q", n, line)
		}
	}
}
