// Package manifest reads the two files that people send, slipway.yaml and
// Backstage's catalog-info.yaml, and writes pipelines back as YAML.
//
// It reports every fault of a file at once, each with its line. JSON is YAML,
// so the same functions read request bodies.
package manifest

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// APIVersion is the only version of slipway.yaml there is.
const APIVersion = "slipway/v1"

// MaxBytes is how long a file may be.
const MaxBytes = 256 << 10

// File is what a slipway.yaml says.
type File struct {
	Pipeline slipway.Pipeline // normalized, with its source
	// Service is what the file says of the service itself. Team may be empty:
	// then the service has to exist already.
	Service slipway.Service
	// Describes reports whether the file says more of the service than its name
	// and team; if not, what is known of the service already stays.
	Describes bool
	Lines     Lines
	// Faults are what is wrong with the words of the file. With any, it is not
	// to be applied: Pipeline holds only what could be read.
	Faults []slipway.FieldError
}

// unitRule finds the part of a stage that a path lies in: a strategy, one gate,
// one check, one hook.
var unitRule = regexp.MustCompile(`^stages\[\d+\]\.(hooks\.\w+\[\d+\]|\w+(\[\d+\])?)`)

func unit(path string) string {
	if found := unitRule.FindString(path); found != "" {
		return found
	}
	return path
}

// Locate puts what is wrong with the meaning of a file beside what is wrong
// with its words, line by line, so that nobody has to correct it twice. What is
// said of a part that could not be read whole is left out: it may be wrong only
// because of that.
func (f File) Locate(meaning []slipway.FieldError) []slipway.FieldError {
	faults := slices.Clone(f.Faults)
	for _, fault := range f.Lines.Locate(meaning) {
		if !f.unread(fault.Field) {
			faults = append(faults, fault)
		}
	}
	slices.SortStableFunc(faults, func(a, b slipway.FieldError) int {
		if (a.Line == 0) != (b.Line == 0) { // that there are more of them comes last
			return cmp.Compare(b.Line, a.Line)
		}
		return cmp.Compare(a.Line, b.Line)
	})
	return faults
}

// unread reports whether a word near a field could not be read.
func (f File) unread(field string) bool {
	around := field // the nearest part of the file that says something
	for around != "" && f.Lines[around] == 0 {
		around = parent(around)
	}
	return slices.ContainsFunc(f.Faults, func(w slipway.FieldError) bool {
		return w.Field != "" && (unit(w.Field) == unit(field) || inside(field, w.Field) || around != field && parent(w.Field) == around)
	})
}

// parent is the path of what holds a field.
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

func inside(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Lines maps the path of a field ("stages[1].deployer.config.replicas") to its
// line in the source.
type Lines map[string]int

// Line returns the line of a field, or of the nearest field around it.
func (l Lines) Line(field string) int {
	for {
		if line, ok := l[field]; ok {
			return line
		}
		if field == "" {
			return 0
		}
		field = parent(field)
	}
}

// Locate returns faults with their lines filled in where they have none.
func (l Lines) Locate(faults []slipway.FieldError) []slipway.FieldError {
	located := make([]slipway.FieldError, len(faults))
	for i, f := range faults {
		if f.Line == 0 {
			f.Line = l.Line(f.Field)
		}
		located[i] = f
	}
	return located
}

// tooLong refuses a file before anything looks at it.
func tooLong(what string, source []byte) error {
	if len(source) <= MaxBytes {
		return nil
	}
	return slipway.Invalid(what, []slipway.FieldError{{
		Message: fmt.Sprintf("the file is %d KiB long and may be %d KiB", (len(source)+1023)>>10, MaxBytes>>10),
	}})
}
