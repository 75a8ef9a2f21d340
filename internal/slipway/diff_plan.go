package slipway

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// DiffPlans lists what changed between a plan that was shown and the one that
// replaced it: why approvals of the first no longer count.
func DiffPlans(was, is Plan) []Difference {
	d := differ{found: DiffSpecs(&was.To, is.To)}
	d.value("release", "version", was.To.Version, is.To.Version)
	d.value("from", "replaces", specID(was.From), specID(is.From))
	d.value("cause", "cause", string(was.Cause), string(is.Cause))
	d.value("rotation", "new values", strings.Join(was.Rotates, ", "), strings.Join(is.Rotates, ", "))
	d.value("pipeline", "revision", fmt.Sprint(was.PipelineRevision), fmt.Sprint(is.PipelineRevision))
	d.value("schedule", "not before", moment(was.NotBefore), moment(is.NotBefore))
	d.things("part", partThings(was.Part), partThings(is.Part))
	d.things("beside", besideThings(was.Beside), besideThings(is.Beside))
	d.maps("strategy", fieldsOf(was.Strategy), fieldsOf(is.Strategy))
	d.things("phases", phaseThings(was), phaseThings(is))
	d.things("gates", gateThings(was), gateThings(is))
	d.things("check", checkThings(was), checkThings(is))
	d.things("hook", hookThings(was), hookThings(is))
	d.value("rule", "onFailure", string(was.OnFailure), string(is.OnFailure))
	d.value("rule", "deadline", was.Deadline.String(), is.Deadline.String())
	d.value("preview", "deployer preview", was.Preview, is.Preview)
	d.value("preview", "prepared artefact", prepared(was), prepared(is))
	if was, is := was.Digest(), is.Digest(); len(d.found) == 0 {
		d.value("plan", "digest", was, is) // an approval is never void without a word
	}
	return d.found
}

// thing is one of several that people know by name: a site, a gate, a check, a
// hook, a phase. Its fields are in the words of a pipeline file.
type thing struct {
	name   string
	fields map[string]string
}

// things makes each of a list a thing, with names that differ.
func things[T any](list []T, of func(T) thing) []thing {
	out := make([]thing, len(list))
	seen := map[string]int{}
	for i, item := range list {
		out[i] = of(item)
		seen[out[i].name]++
		if n := seen[out[i].name]; n > 1 {
			out[i].name = fmt.Sprintf("%s (%d)", out[i].name, n)
		}
	}
	return out
}

// shownThings bounds what is shown of one kind of things; what a replica each
// replaces may have a thousand phases.
const shownThings = 20

// things compares two lists of things. One that is in both is shown by the
// fields that differ, the others whole.
func (d *differ) things(kind string, was, is []thing) {
	var found differ
	for _, old := range was {
		now := slices.IndexFunc(is, func(t thing) bool { return t.name == old.name })
		if now < 0 {
			found.found = append(found.found, Difference{Mark: MarkRemoved, Kind: kind, Name: old.name, Before: old.words()})
			continue
		}
		before := len(found.found)
		found.maps(kind, old.fields, is[now].fields)
		for i := range found.found[before:] {
			line := &found.found[before+i]
			line.Name = old.name + ": " + line.Name
		}
	}
	for _, now := range is {
		if !slices.ContainsFunc(was, func(t thing) bool { return t.name == now.name }) {
			found.found = append(found.found, Difference{Mark: MarkNew, Kind: kind, Name: now.name, After: now.words()})
		}
	}
	if before, after := order(was), order(is); len(found.found) == 0 {
		found.value(kind, "order", before, after)
	}
	if rest := len(found.found) - shownThings; rest > 1 {
		found.found = append(found.found[:shownThings], Difference{Mark: MarkChanged, Kind: kind, Name: fmt.Sprintf("and %d more", rest)})
	}
	d.found = append(d.found, found.found...)
}

func order(list []thing) string {
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = t.name
	}
	return strings.Join(names, ", ")
}

// words is all that a thing is, in one line.
func (t thing) words() string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(t.fields)) {
		parts = append(parts, key+" "+t.fields[key])
	}
	return strings.Join(parts, ", ")
}

// fieldsOf are the fields of a value of our own. A name is not among them: the
// thing has it.
func fieldsOf(v any) map[string]string {
	fields := flat([]byte(encode(v)), true)
	delete(fields, "name")
	return fields
}

// shorten cuts what the fields begin with: the file does not say it.
func shorten(fields map[string]string, prefixes ...string) map[string]string {
	out := make(map[string]string, len(fields))
	for key, value := range fields {
		for _, prefix := range prefixes {
			key = strings.TrimPrefix(key, prefix+".")
		}
		out[key] = value
	}
	return out
}

func phaseThings(p Plan) []thing {
	return things(p.Phases, func(d Desired) thing { return thing{name: d.Name, fields: fieldsOf(d)} })
}

func gateThings(p Plan) []thing {
	return things(p.Gates, func(g Gate) thing {
		fields := shorten(fieldsOf(g), g.Kind(), "metric")
		if g.name() != nil {
			delete(fields, "name")
		}
		return thing{name: cmp.Or(g.Title(), "gate"), fields: fields}
	})
}

func checkThings(p Plan) []thing {
	return things(p.Verify, func(c Check) thing { return thing{name: c.Name, fields: fieldsOf(c)} })
}

func hookThings(p Plan) []thing {
	return things(p.Rollback, func(h Hook) thing { return thing{name: h.Name, fields: shorten(fieldsOf(h), "job")} })
}

func partThings(p *Part) []thing {
	if p == nil {
		return nil
	}
	return []thing{{name: "asked for", fields: partFields(p.Share, p.Match)}}
}

// besideThings is the partial release that a plan ends or widens.
func besideThings(p *Partial) []thing {
	if p == nil {
		return nil
	}
	fields := partFields(p.Share, p.Match)
	fields["release"], fields["by"], fields["since"] = p.Spec.ID(), fmt.Sprintf("deployment %d", p.Deployment), moment(&p.Since)
	return []thing{{name: "partial release", fields: fields}}
}

func partFields(share int, match []Match) map[string]string {
	fields := map[string]string{"share": fmt.Sprintf("%d %%", share)}
	for i, m := range match {
		what := "header " + m.Header
		if m.Cookie != "" {
			what = "cookie " + m.Cookie
		}
		fields[fmt.Sprintf("match[%d]", i)] = what + " = " + m.Value
	}
	return fields
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("Mon 2 Jan 2006 15:04:05 MST")
}
