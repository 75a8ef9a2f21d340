package slipway

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// windows reads both lists of a gate.
func (g WindowGate) windows() (allow, deny []Window, err error) {
	read := func(texts []string) (out []Window) {
		for _, text := range texts {
			w, fault := ParseWindow(text)
			if fault != nil && err == nil {
				err = fmt.Errorf("%q %w", text, fault)
			}
			out = append(out, w)
		}
		return out
	}
	allow, deny = read(g.Allow), read(g.Deny)
	if err == nil && len(allow)+len(deny) == 0 {
		err = errors.New("the gate names no window")
	}
	return allow, deny, err
}

// maxWindows bounds each list of a gate.
const maxWindows = 20

// Check lists what is wrong with the gate. Fields begin with a dot.
func (g WindowGate) Check() []FieldError {
	var faults []FieldError
	for name, texts := range map[string][]string{".allow": g.Allow, ".deny": g.Deny} {
		if len(texts) > maxWindows {
			faults = append(faults, FieldError{Field: name, Message: fmt.Sprintf("holds at most %d windows", maxWindows)})
			continue
		}
		for i, text := range texts {
			if _, err := ParseWindow(text); err != nil {
				faults = append(faults, FieldError{Field: fmt.Sprintf("%s[%d]", name, i), Message: err.Error()})
			}
		}
	}
	slices.SortFunc(faults, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	if len(faults) > 0 {
		return faults
	}
	allow, deny, err := g.windows()
	if err != nil {
		return []FieldError{{Message: `needs allow or deny, such as "Mon-Thu 09:00-17:00 Europe/Stockholm"`}}
	}
	anyDay := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	open := opener(allow, deny)
	if _, until := changes(anyDay, slices.Concat(allow, deny), open); until.IsZero() && !open(anyDay) {
		return []FieldError{{Message: "never opens: what it allows is denied"}}
	}
	return nil
}

// opener puts both lists together: deny beats allow, and with nothing allowed
// by name everything is that is not denied.
func opener(allow, deny []Window) func(time.Time) bool {
	return func(at time.Time) bool {
		covers := func(w Window) bool { return w.Open(at) }
		return (len(allow) == 0 || slices.ContainsFunc(allow, covers)) && !slices.ContainsFunc(deny, covers)
	}
}

func windowVerdict(f GateFacts, g WindowGate) Verdict {
	v := Verdict{Gate: "window", Result: Wait, Who: "time"}
	allow, deny, err := g.windows()
	if err != nil { // a newer Slipway may have taken it: what is not understood stays shut
		v.Result, v.Who = Unknown, "who may apply the pipeline of "+f.Deployment.Service
		v.Reason = sentences("The window cannot be read: " + err.Error())
		return v
	}
	open, all := opener(allow, deny), slices.Concat(allow, deny)
	since, until := changes(f.Now, all, open)
	if !since.IsZero() {
		v.Since = &since
	}
	if !until.IsZero() {
		v.Until = &until
	}
	zone := all[0].zone
	if open(f.Now) {
		v.Result, v.Who, v.Reason = Pass, "", "Open at all times."
		if v.Until != nil {
			v.Reason = sentences("Open until " + until.In(zone).Format(windowTime) + ", " + zone.String())
		}
		return v
	}
	v.Reason = "Only " + windowTexts(allow)
	if denying := slices.DeleteFunc(slices.Clone(deny), func(w Window) bool { return !w.Open(f.Now) }); len(denying) > 0 {
		v.Reason = "Not " + windowTexts(denying)
	}
	opens := "never opens"
	if v.Until != nil {
		opens = "opens " + until.In(zone).Format(windowTime)
	}
	v.Reason = sentences(v.Reason + "; " + opens)
	return v
}

func windowTexts(windows []Window) string {
	texts := make([]string, len(windows))
	for i, w := range windows {
		texts[i] = w.String()
	}
	return strings.Join(texts, " or ")
}
