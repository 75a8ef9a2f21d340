package slipway

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a set.
const (
	maxSetItems = 50
	maxSetName  = 100
)

// Check lists every fault of a set that can be seen in it alone. Fields are
// paths into the file that describes it.
func (s ReleaseSet) Check() []FieldError {
	var faults []FieldError
	add := func(field, format string, args ...any) {
		faults = append(faults, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	switch name := oneLine(s.Name); {
	case name == "":
		add("name", "is missing; it is how people find the set again")
	case name != s.Name || utf8.RuneCountInString(name) > maxSetName:
		add("name", "is one line of at most %d characters", maxSetName)
	}
	if s.Environment == "" {
		add("environment", "is missing")
	}
	if s.OnFailure != OnFailureRollback && s.OnFailure != OnFailureStop {
		add("onFailure", "is rollback or stop, not %q", s.OnFailure)
	}
	if n := len(s.Items); n == 0 || n > maxSetItems {
		add("items", "names 1 to %d services", maxSetItems)
		return faults
	}
	for i, item := range s.Items {
		field := fmt.Sprintf("items[%d].", i)
		if item.Service == "" {
			add(field+"service", "is missing")
		} else if first := s.Item(item.Service); first < i {
			add(field+"service", "%q is already items[%d]; a service is in a set once", item.Service, first)
		}
		if item.Version == "" {
			add(field+"version", "is missing")
		}
		s.checkAfter(i, add)
	}
	if len(faults) == 0 {
		s.checkCycles(add)
	}
	return faults
}

func (s ReleaseSet) checkAfter(i int, add func(field, format string, args ...any)) {
	item := s.Items[i]
	for j, name := range item.After {
		field := fmt.Sprintf("items[%d].after[%d]", i, j)
		switch {
		case name == item.Service:
			add(field, "a service cannot come after itself")
		case s.Item(name) < 0:
			add(field, "%q is not in this set", name)
		case slices.Index(item.After, name) < j:
			add(field, "%q is named twice", name)
		}
	}
}

// checkCycles reports one way round, if there is any.
func (s ReleaseSet) checkCycles(add func(field, format string, args ...any)) {
	const visiting, done = 1, 2
	state := make([]int, len(s.Items))
	var path []string
	var visit func(i int) bool
	visit = func(i int) bool {
		item := s.Items[i]
		path = append(path, item.Service)
		defer func() { path = path[:len(path)-1] }()
		if state[i] == visiting {
			way := path[slices.Index(path, item.Service):]
			add(fmt.Sprintf("items[%d].after", i), "goes round in a circle: %s", strings.Join(way, " after "))
			return false
		}
		if state[i] == done {
			return true
		}
		state[i] = visiting
		for _, name := range item.After {
			if !visit(s.Item(name)) {
				return false
			}
		}
		state[i] = done
		return true
	}
	for i := range s.Items {
		if !visit(i) {
			return
		}
	}
}
