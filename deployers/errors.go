package deployers

import (
	"errors"
	"fmt"
)

// ErrStaleGeneration: a newer generation was already accepted for the target.
var ErrStaleGeneration = errors.New("a newer generation was already accepted")

// StaleGeneration wraps ErrStaleGeneration with both numbers.
func StaleGeneration(got, newest int64) error {
	return fmt.Errorf("%w: got %d, have %d", ErrStaleGeneration, got, newest)
}

// terminalError marks an error that a retry cannot mend.
type terminalError struct{ err error }

func (e terminalError) Error() string { return e.err.Error() }
func (e terminalError) Unwrap() error { return e.err }

// Terminal marks err as one that trying again cannot mend.
func Terminal(err error) error { return terminalError{err} }

// IsTerminal reports whether err was marked by Terminal. A stale generation is
// terminal too: the caller has been overtaken.
func IsTerminal(err error) bool {
	var t terminalError
	return errors.As(err, &t) || errors.Is(err, ErrStaleGeneration)
}
