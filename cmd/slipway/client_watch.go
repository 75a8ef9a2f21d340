package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/slipway-dev/slipway/internal/client"
)

// picture is what is drawn in place, over what was drawn before.
type picture struct {
	to    io.Writer
	width func() int
	drawn int
}

func newPicture(to io.Writer) *picture {
	return &picture{to: to, width: func() int {
		if file, ok := to.(*os.File); ok {
			if w, _, err := term.GetSize(int(file.Fd())); err == nil && w > 0 {
				return w
			}
		}
		return 80
	}}
}

// draw replaces the lines of before. A line that is too long is cut: one that
// wraps would be two, and the next picture would begin at the wrong place.
func (p *picture) draw(lines []string) error {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.drawn)
	}
	width := p.width()
	for _, line := range lines {
		if utf8.RuneCountInString(line) >= width {
			line = string([]rune(line)[:max(0, width-2)]) + "…"
		}
		b.WriteString("\r\x1b[2K" + line + "\n")
	}
	b.WriteString("\x1b[J") // what is left of a longer one
	p.drawn = len(lines)
	_, err := io.WriteString(p.to, b.String())
	return err
}

const barWidth = 20

// bar is how much of something there is.
func bar(have, want int) string {
	full := 0
	if want > 0 {
		full = min(max(have, 0), want) * barWidth / want
	}
	return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
}

// watched is a deployment as it is drawn: with what it is going to do, and what
// was last observed.
type watched struct {
	client.Deployment
	plan     client.Plan
	observed *client.Observed
}

// lines draw a deployment.
func (w watched) lines(now time.Time) []string {
	took := now.Sub(w.CreatedAt).Round(time.Second)
	if took < 0 {
		took = 0
	}
	lines := []string{
		fmt.Sprintf("Deployment %d  %s of %s %s to %s  %s", w.ID, w.Cause, w.Service, w.Version, w.Environment, took),
		fmt.Sprintf("%s %s  %s", glyphOf(w.State), w.State, w.Message),
	}
	for _, g := range w.Gates {
		if g.Result != "pass" || w.State == "waiting" {
			lines = append(lines, fmt.Sprintf("  %s %s", glyphOf(g.Result), verdictText(g)))
		}
	}
	if want := len(w.plan.Phases); want > 0 {
		lines = append(lines, fmt.Sprintf("  phases %s %d of %d", bar(w.phasesDone(), want), w.phasesDone(), want))
	}
	for i, p := range w.Phases {
		lines = append(lines, strings.TrimRight(fmt.Sprintf("  %s %-16s %s  %s", glyphOf(p.State), phaseName(p.Name, i), p.State, p.Message), " "))
	}
	for i := len(w.Phases); i < len(w.plan.Phases) && w.Active; i++ {
		lines = append(lines, "  · "+phaseName(w.plan.Phases[i].Name, i))
	}
	if w.observed != nil && w.State != "waiting" {
		for _, t := range w.observed.Tracks {
			lines = append(lines, fmt.Sprintf("  %-16s %s %d/%d ready  %d%% of the traffic", t.Version, bar(t.Ready, t.Wanted), t.Ready, t.Wanted, t.Weight))
		}
	}
	for i, line := range lines {
		lines[i] = tame(line)
	}
	return lines
}

func phaseName(name string, at int) string {
	if name == "" {
		return fmt.Sprintf("phase %d", at+1)
	}
	return name
}

func (w watched) phasesDone() int {
	if w.State == "succeeded" {
		return len(w.plan.Phases)
	}
	done := 0
	for _, p := range w.Phases {
		if p.State == "done" {
			done++
		}
	}
	return min(done, len(w.plan.Phases))
}

// glyphOf is a state in one letter, beside its word.
func glyphOf(state string) string {
	switch state {
	case "succeeded", "pass", "done":
		return "✓"
	case "failed", "fail", "rejected", "expired", "cancelled", "rolledBack":
		return "✗"
	case "waiting", "wait", "paused":
		return "◷"
	case "unknown":
		return "?"
	default:
		return "▶"
	}
}

// look gathers what is drawn of a deployment. What it is going to do is asked
// for once, and what cannot be had is left out: the deployment is what counts.
func (c *cli) look(ctx context.Context, d client.Deployment, plan *client.Plan) watched {
	if plan.Phases == nil {
		if p, err := c.Plan(ctx, d.ID); err == nil {
			*plan = p.Value
		}
	}
	w := watched{Deployment: d, plan: *plan}
	if running, err := c.Running(ctx, d.Service, d.Environment); err == nil {
		w.observed = running.Value.Observed
	}
	return w
}
