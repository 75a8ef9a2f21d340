package slipway

import (
	"errors"
	"fmt"
	"time"
)

// SecretFault is what keeps a secret from being read or written.
type SecretFault string

// The faults. Those of the first group pass by themselves or by the doing of
// who runs the store: what needs a secret waits. The others are about a version.
const (
	SecretSealed    SecretFault = "sealed"
	SecretAway      SecretFault = "away" // it does not answer, or not in time
	SecretDenied    SecretFault = "denied"
	SecretUnmounted SecretFault = "unmounted"

	SecretNone      SecretFault = "none" // never kept, or dropped by the store
	SecretDeleted   SecretFault = "deleted"
	SecretDestroyed SecretFault = "destroyed"
	SecretMoved     SecretFault = "moved" // another version has come meanwhile
)

// Passes reports whether waiting may help: the store is not to be had now, or a
// version is deleted, which can be undone.
func (f SecretFault) Passes() bool {
	switch f {
	case SecretSealed, SecretAway, SecretDenied, SecretUnmounted, SecretDeleted:
		return true
	}
	return false
}

// secretFaultError carries the fault within an Error, and the store's own error.
type secretFaultError struct {
	fault SecretFault
	err   error
}

func (e *secretFaultError) Error() string {
	if e.err == nil {
		return string(e.fault)
	}
	return fmt.Sprintf("%s: %v", e.fault, e.err)
}

func (e *secretFaultError) Unwrap() error { return e.err }

// SecretFaultOf returns the fault that err is about; empty if it is about none.
func SecretFaultOf(err error) SecretFault {
	var f *secretFaultError
	if errors.As(err, &f) {
		return f.fault
	}
	return ""
}

// SecretStoreDown says that a store cannot be used: what, since when, who can
// mend it. The cause is for the log.
func SecretStoreDown(fault SecretFault, store string, since time.Time, cause error) *Error {
	what, do := " does not answer.", "Who runs it can look why; what waits for it goes on by itself."
	switch fault {
	case SecretSealed:
		what, do = " is sealed.", "Who holds its unseal keys can unseal it; what waits for it goes on by itself."
	case SecretDenied:
		what, do = " does not let Slipway in.", "Who runs it can give Slipway's role its policy (slipway vault policy) or a new credential; what waits for it goes on by itself."
	case SecretUnmounted:
		what, do = " has no KV version 2 engine at the mount that Slipway is set to.", "Who runs it can mount one there, or SLIPWAY_VAULT_MOUNT can name another."
	}
	text := store + what
	if !since.IsZero() {
		text = store + what[:len(what)-1] + ", since " + since.UTC().Format("15:04:05 MST") + "."
	}
	return &Error{Code: CodeUnavailable, Message: text, Affected: "No secret was read or changed.", Do: do,
		Err: &secretFaultError{fault, cause}}
}

// SecretVersionGone says why a version cannot be read.
func SecretVersionGone(fault SecretFault, path string, version int) *Error {
	name := fmt.Sprintf("Version %d of %s", version, path)
	if version == 0 {
		name = "The newest version of " + path
	}
	e := &Error{Code: CodeNotFound, Err: &secretFaultError{fault: fault}}
	switch fault {
	case SecretDeleted:
		e.Message, e.Do = name+" is deleted.", "It can be undeleted."
	case SecretDestroyed:
		e.Message, e.Do = name+" was destroyed.", "Its values are gone for good; set them anew."
	case SecretNone:
		e.Message, e.Do = name+" does not exist.", "Set the first key, or pick a version that is there."
		if version == 0 {
			e.Message = "Nothing is kept at " + path + "."
		}
	}
	return e
}

// SecretsMoved says that a newer version came while somebody made up their mind.
func SecretsMoved(path string, over int) *Error {
	return &Error{Code: CodeConflict, Err: &secretFaultError{fault: SecretMoved},
		Message:  fmt.Sprintf("The secrets at %s were changed since version %d was looked at.", path, over),
		Affected: "Nothing was written.", Do: "Look at what is there now, then set it again."}
}
