package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/client"
)

func TestADeploymentIsDrawn(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 1, 30, 0, time.UTC)
	w := watched{Deployment: client.Deployment{ID: 7, Service: "shop", Environment: "prod", Version: "1.1\x1b[2J", Cause: "promote", State: "running", Active: true, Message: "phase 2", CreatedAt: now.Add(-90 * time.Second),
		Phases: []client.PhaseRun{{Name: "canary 5%", State: "done"}, {Name: "canary 50%", State: "converging", Message: "1 of 4 ready"}}}}
	w.plan.Phases = make([]client.Phase, 3)
	w.plan.Phases[2].Name = "all"
	w.observed = &client.Observed{Tracks: []client.ObservedTrack{{Version: "1.1", Wanted: 4, Ready: 1, Weight: 50}}}
	text := strings.Join(w.lines(now), "\n")
	for _, want := range []string{"Deployment 7  promote of shop 1.1[2J to prod  1m30s", "▶ running  phase 2", "██████░░░░░░░░░░░░░░ 1 of 3", "✓ canary 5%", "▶ canary 50%", "· all", "█████░░░░░░░░░░░░░░░ 1/4 ready  50% of the traffic"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.ContainsRune(text, '\x1b') {
		t.Error("what others wrote steers the terminal")
	}
	w.State, w.Active, w.Phases = "succeeded", false, w.Phases[:1]
	if text = strings.Join(w.lines(now), "\n"); !strings.Contains(text, strings.Repeat("█", barWidth)+" 3 of 3") {
		t.Errorf("at the end:\n%s", text)
	}
	for _, c := range []struct{ have, want, full int }{{0, 0, 0}, {5, 0, 0}, {-1, 4, 0}, {9, 4, barWidth}, {2, 4, barWidth / 2}} {
		if got := strings.Count(bar(c.have, c.want), "█"); got != c.full {
			t.Errorf("%d of %d is %d long, want %d", c.have, c.want, got, c.full)
		}
	}
}

// screen is a terminal that understands what a picture needs: up, clear the
// line, clear what is below.
func screen(t *testing.T, written string) []string {
	t.Helper()
	var rows []string
	at := 0
	for len(written) > 0 {
		var up int
		switch {
		case strings.HasPrefix(written, "\x1b[J"):
			rows, written = rows[:at], written[3:]
		case strings.HasPrefix(written, "\r\x1b[2K"):
			text, rest, ok := strings.Cut(written[5:], "\n")
			if !ok {
				t.Fatalf("a line has no end: %q", written)
			}
			rows, at, written = append(rows[:at], append([]string{text}, rows[min(at+1, len(rows)):]...)...), at+1, rest
		case strings.HasPrefix(written, "\x1b["):
			number, rest, _ := strings.Cut(written[2:], "A")
			for _, d := range number {
				up = up*10 + int(d-'0')
			}
			if at -= up; at < 0 {
				t.Fatal("it writes above its picture")
			}
			written = rest
		default:
			t.Fatalf("it writes %q", written)
		}
	}
	return rows
}

func TestPicturesAreDrawnInPlace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newPicture(&out)
	p.width = func() int { return 12 }
	for _, lines := range [][]string{{"one", "two", "three"}, {"one", strings.Repeat("ä", 40)}, {"1", "2", "3", "4"}, {"last"}} {
		fatal(t, p.draw(lines))
	}
	if rows := screen(t, out.String()); len(rows) != 1 || rows[0] != "last" {
		t.Errorf("what stays is %q", rows)
	}
	if !strings.Contains(out.String(), strings.Repeat("ä", 10)+"…\n") {
		t.Error("a long line is not cut")
	}
}

// TestWatchOnAScreenAndInAPipe: drawn in place there, in lines of their own here,
// and with the same end.
func TestWatchOnAScreenAndInAPipe(t *testing.T) {
	r := newClientRig(t)
	file := filepath.Join(t.TempDir(), "slipway.yaml")
	fatal(t, os.WriteFile(file, []byte(cliFile), 0o600))
	r.expect(exitOK, "", "apply", "-f", file)
	r.expect(exitOK, "", "release", "create", "shop", "1.0.0", "--artifact", "app=reg/app@sha256:"+strings.Repeat("a", 64))
	said := r.expect(exitOK, "succeeded", "promote", "shop", "1.0.0", "--to", "staging", "--watch", "--timeout", "30s")
	if strings.ContainsAny(said, "\x1b\r█") {
		t.Errorf("a pipe gets a drawing: %q", said)
	}
	portal, err := client.New(r.url, r.tokens["admin"])
	fatal(t, err)
	var out bytes.Buffer
	c := &cli{Client: portal, out: &out, watch: true, screen: true}
	fatal(t, c.follow(t.Context(), 1, time.Minute))
	rows := strings.Join(screen(t, out.String()), "\n")
	if !strings.Contains(rows, "✓ succeeded") || !strings.Contains(rows, "2/2 ready") || strings.Count(rows, "Deployment 1") != 1 {
		t.Errorf("the screen shows\n%s", rows)
	}
	r.expect(exitWaits, "waits for a person", "promote", "shop", "1.0.0", "--to", "prod", "--watch", "--timeout", "30s")
	out.Reset()
	err = (&cli{Client: portal, out: &out, watch: true, screen: true}).follow(t.Context(), 2, time.Minute)
	if rows := strings.Join(screen(t, out.String()), "\n"); err == nil || !strings.Contains(rows, "◷ waiting") || !strings.Contains(rows, "◷ approval") {
		t.Errorf("%v, and the screen shows\n%s", err, rows)
	}
	r.expect(exitOK, "SERVICE", "status", "shop")
}
