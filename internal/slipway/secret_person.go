package slipway

import (
	"context"
	"errors"
)

// SecretPerson is somebody in whose own name a secret store can be asked.
type SecretPerson struct {
	ID     string
	Name   string
	Groups []string // of their last sign-in
}

// PersonalSecrets is what a secret store has that knows people by itself: it lets
// each of them do what its own rules say, and its own log has their names.
type PersonalSecrets interface {
	// For is the store as one person may use it. It asks nothing yet.
	For(p SecretPerson) (SecretStore, error)
	// Forget ends what the store has given the person, who has signed out.
	Forget(ctx context.Context, person string)
}

// As is the store for what an actor does with secrets by their own hand. A person
// is themselves, if the store knows people; machines, deployments and all that
// Slipway does by itself go by Slipway's own name.
func (k *SecretDesk) As(actor Actor) (s SecretStore, personal bool, err error) {
	if k.People == nil || actor.Kind != ActorUser {
		return k.Secrets, false, nil
	}
	s, err = k.People.For(SecretPerson{ID: actor.ID, Name: actor.Name, Groups: actor.Groups})
	return s, true, err
}

// SecretPersonRefused says that a store does not let a person do something, which
// Slipway would have. The cause is for the log.
func SecretPersonRefused(store, person, path string, entered bool, cause error) *Error {
	e := &Error{Code: CodeDenied, Message: store + "'s own policies do not let " + person + " do this at " + path + ".", Affected: "No secret was read or changed.",
		Do:  "Who runs " + store + " can give " + person + ", or one of their groups, a policy for that path (slipway vault policy --people). Slipway's own access does not count here.",
		Err: &secretFaultError{SecretDenied, cause}}
	if !entered {
		e.Message = store + " does not let " + person + " in."
		e.Do = "Who runs " + store + " can look at the role that people sign in with there, and at whether " + store + " knows Slipway's public keys."
	}
	return e
}

// PersonRefused is the store's no to one person; nil if err is none.
func PersonRefused(err error) *Error {
	var e *Error
	if errors.As(err, &e) && e.Code == CodeDenied && SecretFaultOf(err) == SecretDenied {
		return e
	}
	return nil
}
