package browser

import (
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

// Evidence: differences, commits, verdicts and votes as rows.

// shownCommits is how many commits a page shows before the rest is a link away.
const shownCommits = 8

func changes(list []slipway.Difference) []component.Change {
	rows := make([]component.Change, len(list))
	for i, d := range list {
		c := component.Change{Kind: string(d.Mark), Thing: d.Kind, Name: d.Name, From: d.Before, To: d.After}
		switch d.Kind {
		case "config":
			c.Thing = "setting"
		case "secret":
			c.Note = "value not shown"
		}
		rows[i] = c
	}
	return rows
}

// summary counts what changes: "11 commits, 1 setting, 1 secret".
func summary(list []slipway.Difference, commits int) string {
	var parts []string
	if commits > 0 {
		parts = append(parts, plural(commits, "commit"))
	}
	order := []string{}
	counts := map[string]int{}
	for _, d := range list {
		noun := d.Kind
		switch noun {
		case "config":
			noun = "setting"
		case "secret", "artifact", "setting", "reference":
		default:
			noun = "other change"
		}
		if counts[noun] == 0 {
			order = append(order, noun)
		}
		counts[noun]++
	}
	for _, noun := range order {
		parts = append(parts, plural(counts[noun], noun))
	}
	return strings.Join(parts, ", ")
}

// commits are the first of a list, and how many more there are.
func commits(list []slipway.Change, most int) ([]component.Commit, int) {
	rest := max(0, len(list)-most)
	rows := make([]component.Commit, len(list)-rest)
	for i := range rows {
		rows[i] = commit(list[i])
	}
	return rows, rest
}

func commit(c slipway.Change) component.Commit {
	return component.Commit{SHA: shortSHA(c.Commit), Href: c.URL, Subject: c.Subject, Author: c.Author, At: timeOf(c.At)}
}

func shortSHA(sha string) string {
	for _, r := range sha {
		if !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return sha // a tag or a branch: all of it
		}
	}
	return sha[:min(7, len(sha))]
}

// diffLines reads a text difference by the signs its lines begin with.
// diffLines reads a difference: its lines begin with a sign, and in those of
// deployers with a space after that.
func diffLines(text string, spaced bool) []component.DiffLine {
	if text == "" {
		return nil
	}
	same, rest := " ", func(l string) string { return l[1:] }
	if spaced {
		same, rest = "  ", func(l string) string { return strings.TrimPrefix(l[1:], " ") }
	}
	var lines []component.DiffLine
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(l, "@@"), spaced && strings.HasPrefix(l, "--- "):
			lines = append(lines, component.DiffLine{Kind: "hunk", Text: l})
		case strings.HasPrefix(l, "+"):
			lines = append(lines, component.DiffLine{Kind: "add", Text: rest(l)})
		case strings.HasPrefix(l, "-"):
			lines = append(lines, component.DiffLine{Kind: "del", Text: rest(l)})
		default:
			lines = append(lines, component.DiffLine{Text: strings.TrimPrefix(l, same)})
		}
	}
	return lines
}

func previews(p slipway.Plan) []page.Preview {
	if p.Preview == "" {
		return nil
	}
	return []page.Preview{{ID: "preview", Title: "What " + p.To.Deployer.Name + " would do, in its own words", Lines: diffLines(p.Preview, true)}}
}

// checks are the verdicts of gates, each with its reason.
func checks(list []slipway.Verdict, now time.Time) []component.Check {
	rows := make([]component.Check, len(list))
	for i, v := range list {
		c := component.Check{State: verdictState(v), Text: v.Reason, Note: gateTitle(v)}
		if v.Bypassed != "" {
			c.Strong, c.Text, c.Note = "Bypassed by "+v.Bypassed+".", "", gateTitle(v)+", bypassed"
			rows[i] = c
			continue
		}
		if v.Result != slipway.Pass {
			c.Who = v.Who
			c.Since, c.Until = timeOf(v.Since), timeOf(v.Until)
		}
		if v.Gate == "approval" {
			c.Strong, c.Text = cutSentence(v.Reason)
			c.Who, c.Since, c.Until = "", time.Time{}, time.Time{} // the sentence says who
			if v.Result == slipway.Wait && v.Until != nil {
				c.Note = "expires in " + component.Age(v.Until.Sub(now))
			}
		}
		rows[i] = c
	}
	return rows
}

// gateTitle is what people call a gate: its own name, or the words of its kind.
func gateTitle(v slipway.Verdict) string {
	words := map[string]string{"errorBudget": "error budget", "stopTheLine": "stop-the-line", "stop": "stop-the-line", "external": "external check"}
	kind := v.Gate
	if word, ok := words[kind]; ok {
		kind = word
	}
	if v.Title != "" && v.Title != v.Gate {
		return v.Title + ", " + kind
	}
	return kind
}

// cutSentence parts the first sentence from the rest.
func cutSentence(text string) (first, rest string) {
	head, tail, found := strings.Cut(text, ". ")
	if !found {
		return "", text
	}
	return head + ".", tail
}

func verdictState(v slipway.Verdict) component.State {
	switch {
	case v.Bypassed != "":
		return component.RolledBack
	case v.Result == slipway.Pass:
		return component.Live
	case v.Gate == "approval":
		return component.Waiting
	case v.Gate == "soak" && v.Result == slipway.Wait:
		return component.Rolling
	case slices.Contains([]string{"lock", "freeze", "block", "hold", "active", "stop", "stopTheLine", "window", "schedule"}, v.Gate):
		return component.Frozen
	case v.Result == slipway.Fail:
		return component.Failed
	default:
		return component.Unknown
	}
}

// blocks answer "why not?".
func blocks(list []slipway.Verdict) []component.Block {
	out := make([]component.Block, 0, len(list))
	for _, v := range list {
		b := component.Block{What: upperFirst(gateTitle(v)), Why: v.Reason, Since: timeOf(v.Since), Until: timeOf(v.Until), Who: v.Who}
		switch v.Gate {
		case "lock":
			b.Href = environmentsPath
		case "freeze":
			b.Href = environmentsPath + "#freezes"
		case "stopTheLine":
			b.Href = environmentsPath + "#stop"
		case "permission":
			b.Href = "/settings/people"
		}
		out = append(out, b)
	}
	return out
}

// why is one reason as the answer to "why not?"; nothing for an empty one.
func why(what, reason string) []component.Block {
	if reason == "" {
		return nil
	}
	return []component.Block{{What: what, Why: upperFirst(reason)}}
}

func votes(list []slipway.Vote, plan string) []component.Vote {
	rows := make([]component.Vote, len(list))
	for i, v := range list {
		word := "approved"
		if v.Decision == slipway.Reject {
			word = "rejected"
		}
		rows[i] = component.Vote{Who: v.ByName, Decision: word, Comment: v.Comment, At: v.At, Void: v.PlanDigest != plan}
	}
	return rows
}

// tracks are the sets of instances that were seen, each by the part it plays.
func tracks(st slipway.StageState, active *slipway.Deployment, now time.Time) []component.Track {
	o := st.Observed
	if o == nil {
		return nil
	}
	fresh := stop{state: st, now: now}.fresh()
	rows := make([]component.Track, len(o.Tracks))
	for i, t := range o.Tracks {
		row := component.Track{Name: "other", Version: t.Version, State: component.Live, Weight: t.Weight, Ready: t.Ready, Wanted: t.Wanted}
		switch {
		case st.Live != nil && t.Spec == st.Live.Spec.ID():
			row.Name = "live"
		case active != nil && t.Spec == active.Plan.To.ID():
			row.Name = "next"
		case st.Partial != nil && t.Spec == st.Partial.Spec.ID():
			row.Name = "part"
		}
		if t.Site != "" {
			row.Name = t.Site + " " + row.Name
		}
		switch {
		case !fresh:
			row.State = component.Unknown
		case o.Failed && t.Ready < t.Wanted:
			row.State = component.Failed
		case t.Ready < t.Wanted:
			row.State = component.Rolling
		case t.Wanted == 0 && t.Draining > 0:
			row.State, row.Note = component.None, t.Message
		}
		if len(o.Tracks) == 1 {
			row.Weight = -1
		}
		rows[i] = row
	}
	return rows
}
