// Package manifest reads the two files that people send, slipway.yaml and
// Backstage's catalog-info.yaml, and writes pipelines back as YAML.
//
// It reports every fault of a file at once, each with its line. JSON is YAML,
// so the same functions read request bodies.
package manifest

import (
	"fmt"
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
		cut := strings.LastIndexAny(field, ".[")
		if cut < 0 {
			return l[""]
		}
		field = field[:cut]
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
