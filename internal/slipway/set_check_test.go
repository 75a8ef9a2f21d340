package slipway

import (
	"slices"
	"testing"
)

func TestSetCheck(t *testing.T) {
	t.Parallel()
	item := func(service string, after ...string) SetItem {
		return SetItem{Service: service, Version: "2.0", After: after}
	}
	for name, c := range map[string]struct {
		items []SetItem
		want  []string
	}{
		"fine":           {[]SetItem{item("a", "b"), item("b"), item("c", "a", "b")}, nil},
		"none":           {nil, []string{"items: names 1 to 50 services."}},
		"nameless":       {[]SetItem{{}}, []string{"items[0].service: is missing.", "items[0].version: is missing."}},
		"twice":          {[]SetItem{item("a"), item("a")}, []string{`items[1].service: "a" is already items[0]; a service is in a set once.`}},
		"after itself":   {[]SetItem{item("a", "a")}, []string{"items[0].after[0]: a service cannot come after itself."}},
		"after nobody":   {[]SetItem{item("a", "z")}, []string{`items[0].after[0]: "z" is not in this set.`}},
		"after twice":    {[]SetItem{item("a", "b", "b"), item("b")}, []string{`items[0].after[1]: "b" is named twice.`}},
		"round and back": {[]SetItem{item("a"), item("b", "a", "d"), item("c", "b"), item("d", "c")}, []string{"items[1].after: goes round in a circle: b after d after c after b."}},
		"too many":       {slices.Repeat([]SetItem{item("a")}, 51), []string{"items: names 1 to 50 services."}},
	} {
		var got []string
		for _, f := range (ReleaseSet{Name: "x", Environment: "prod", OnFailure: OnFailureStop, Items: c.items}).Check() {
			got = append(got, f.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
	faults := (ReleaseSet{Name: "two\nlines", Items: []SetItem{item("a")}}).Check()
	if len(faults) != 3 {
		t.Errorf("the set itself: %v", faults)
	}
}
