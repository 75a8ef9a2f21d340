package slipway

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// SecretDesk asks the secret store outside of transactions, and keeps what it
// learned, names and versions, for the transactions that need it.
type SecretDesk struct {
	Store   Store
	Secrets SecretStore
	// Drafts keeps the values of changes that wait for approval, sealed; nil: no
	// key was given to do so, and such changes are refused.
	Drafts SecretStore
	// People has the store know people by themselves; nil: it knows Slipway alone.
	People PersonalSecrets
	Paths  SecretPaths
	Clock  Clock
}

// lookWithin bounds one look at the secret store.
const lookWithin = 8 * time.Second

// Path is where the secrets of a service in an environment lie.
func (k *SecretDesk) Path(s Service, environment string) string {
	return k.Paths.Of(SecretPlace{Team: s.Team, Service: s.Name, Environment: environment})
}

// Look asks what there is now and keeps the answer. That the store is not to be
// had is an answer, too: the view then tells what was seen last, and the fault.
func (k *SecretDesk) Look(ctx context.Context, s Service, environment string) (SecretView, error) {
	return k.look(ctx, k.Secrets, false, s, environment)
}

// LookAs is Look by an actor's own hand. What the store does not let a person see
// is their answer alone, and nothing that is kept.
func (k *SecretDesk) LookAs(ctx context.Context, actor Actor, s Service, environment string) (SecretView, error) {
	own, personal, err := k.As(actor)
	if err != nil {
		return SecretView{}, err
	}
	return k.look(ctx, own, personal, s, environment)
}

func (k *SecretDesk) look(ctx context.Context, by SecretStore, personal bool, s Service, environment string) (SecretView, error) {
	var was SecretView
	var stage StageState
	err := k.Store.Read(ctx, func(tx Tx) (err error) {
		if was, err = tx.Secrets().View(ctx, s.Name, environment); err != nil {
			return err
		}
		stage, err = tx.Stages().Get(ctx, s.Name, environment)
		return err
	})
	if err != nil {
		return was, err
	}
	is, err := k.see(ctx, by, personal, was, k.Path(s, environment), stage.Live)
	if err != nil || is.Refusal != nil {
		return is, err
	}
	if same := is; was.Path != "" {
		// Looks are many and changes few: a view that says nothing new is not saved
		// for the time of the look alone.
		if same.At = was.At; reflect.DeepEqual(same, was) {
			return is, nil
		}
	}
	known := was.Rotated(stage.Live)
	return is, k.Store.Write(ctx, func(tx Tx) error {
		if err := tx.Secrets().PutView(ctx, s.Name, environment, is); err != nil {
			return err
		}
		turned := is.Rotated(stage.Live)
		if len(turned) == 0 || slices.Equal(turned, known) && was.Version == is.Version {
			return nil
		}
		return tx.Events().Add(ctx, DomainEvent{At: k.Clock().UTC().Truncate(time.Microsecond), Kind: "secret.turned", Team: s.Team, Service: s.Name,
			Environment: environment, Message: "what runs in " + environment + " was given another value of " + keyCount(turned)})
	})
}

func (k *SecretDesk) see(ctx context.Context, by SecretStore, personal bool, was SecretView, path string, live *Live) (SecretView, error) {
	now := k.Clock().UTC().Truncate(time.Microsecond)
	call, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	is := SecretView{Path: path, At: now, Keys: []string{}}
	var known *SecretTurn
	h, err := by.History(call, path)
	is.Versions = h.Versions
	if v, ok := h.Find(h.Current); err == nil && ok && v.Readable() {
		if is.Version = v.Version; was.knows(path, v) {
			is.Keys, known = was.Keys, was.Turn // no version ever changes
		}
		if personal || !was.knows(path, v) { // what others saw is not for everybody
			is.Keys, err = by.Keys(call, path, v.Version)
		}
	}
	if no := PersonRefused(err); no != nil {
		return SecretView{Path: path, At: now, Keys: []string{}, Fault: SecretDenied, Problem: err.Error(), Since: &now, Refusal: &Refusal{no.Message, no.Do}}, nil
	}
	if err == nil {
		is.Turn, err = k.turned(call, known, live, is)
	}
	if ctx.Err() != nil {
		return was, ctx.Err()
	}
	if err == nil {
		return is, nil
	}
	if was.Path != path { // what was seen elsewhere says nothing here
		was = SecretView{Path: path, Keys: []string{}}
	}
	if was.Fault = SecretFaultOf(err); was.Fault == "" {
		was.Fault = SecretAway
	}
	was.Problem = problemOf(err)
	if was.Since == nil {
		was.Since = &now
	}
	return was, nil
}

// problemOf is what of an error people may read.
func problemOf(err error) string {
	if CodeOf(err) == CodeInternal {
		return "The secret store failed; the log says how."
	}
	return err.Error()
}

// Pinned fetches the values that a spec names, just in time for a deployer. Of
// its faults, SecretFault.Passes says whether to wait.
func (k *SecretDesk) Pinned(ctx context.Context, s Spec) (map[string]Secret, error) {
	call, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	values := map[string]Secret{}
	documents := map[int]SecretDocument{}
	for _, key := range slices.Sorted(maps.Keys(s.Secrets)) {
		version := s.Secrets[key]
		doc, known := documents[version]
		if !known {
			var err error
			if version == 0 {
				return nil, SecretVersionGone(SecretNone, s.SecretPath, 0)
			}
			if doc, err = k.Secrets.Read(call, s.SecretPath, version); err != nil {
				return nil, err
			}
			documents[version] = doc
		}
		value, ok := doc.Values[key]
		if !ok {
			e := SecretVersionGone(SecretNone, s.SecretPath, version)
			e.Message = key + " is not in version " + strconv.Itoa(version) + " of " + s.SecretPath + "."
			return nil, e
		}
		values[key] = value
	}
	return values, nil
}
