package app

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// SetSecrets changes some keys of a service in an environment and leaves the
// others as they are, unseen. A nil value removes its key.
type SetSecrets struct {
	Service     string
	Environment string
	Changes     map[string]*slipway.Secret
	// Over is the version that the asker looked at; nil: whatever is there.
	Over   *int
	Import bool // for the records
}

// SecretsChanged is what came of a change.
type SecretsChanged struct {
	Path     string
	Version  int
	Keys     []string
	Proposal int64 // that waits for approval; 0: it is done
}

// SetSecrets writes a new version. Nothing that runs takes it before a deployment
// does.
func (a *App) SetSecrets(ctx context.Context, actor slipway.Actor, c SetSecrets) (SecretsChanged, error) {
	if err := checkChanges(c.Changes); err != nil {
		return SecretsChanged{}, err
	}
	keys := slices.Sorted(maps.Keys(c.Changes))
	change := secretChange{action: "set", verb: "sets", permission: slipway.SecretWrite, keys: keys, over: c.Over}
	if c.Import {
		change.action, change.verb = "imported", "imports"
	}
	change.content = func(secretPlace) (map[string]*slipway.Secret, bool, error) { return c.Changes, false, nil }
	return a.changeSecrets(ctx, actor, c.Service, c.Environment, change)
}

func checkChanges(changes map[string]*slipway.Secret) error {
	var faults []slipway.FieldError
	if len(changes) == 0 {
		faults = append(faults, slipway.FieldError{Field: "keys", Message: "there is none"})
	}
	if len(changes) > slipway.MaxSecretKeys {
		faults = append(faults, slipway.FieldError{Field: "keys", Message: fmt.Sprintf("are at most %d", slipway.MaxSecretKeys)})
	}
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		if wrong := slipway.CheckSecretKey(key); wrong != "" {
			// What is no key may well be a value in the wrong place: it is not repeated.
			faults = append(faults, slipway.FieldError{Field: "keys", Message: "one of the names " + wrong})
			continue
		}
		if v := changes[key]; v != nil && len(v.Reveal()) > slipway.MaxSecretValue {
			faults = append(faults, slipway.FieldError{Field: key, Message: fmt.Sprintf("is longer than %d bytes", slipway.MaxSecretValue)})
		}
	}
	return slipway.Invalid("The change of secrets", faults)
}

// RestoreSecrets makes an older version, or one key of it, the newest again.
type RestoreSecrets struct {
	Once
	Service     string
	Environment string
	Version     int
	Key         string // empty: all of them
	Over        *int
}

// RestoreSecrets writes what a version held as a new version; nobody sees it.
func (a *App) RestoreSecrets(ctx context.Context, actor slipway.Actor, c RestoreSecrets) (SecretsChanged, error) {
	if c.Version < 1 {
		return SecretsChanged{}, slipway.Invalid("The rollback", []slipway.FieldError{{Field: "version", Message: "is the number of a version"}})
	}
	change := secretChange{action: "restored", verb: fmt.Sprintf("restores version %d of", c.Version), permission: slipway.SecretWrite, over: c.Over, once: c.Once, command: c}
	if change.keys = []string{}; c.Key != "" {
		change.keys = []string{c.Key}
	}
	change.content = func(place secretPlace) (map[string]*slipway.Secret, bool, error) {
		old, err := a.Secret.Secrets.Read(ctx, place.path, c.Version)
		if err != nil {
			return nil, false, err
		}
		changes := map[string]*slipway.Secret{}
		for key, value := range old.Values {
			if c.Key == "" || c.Key == key {
				changes[key] = &value
			}
		}
		if c.Key != "" && len(changes) == 0 {
			return nil, false, slipway.NotFound(fmt.Sprintf("key in version %d of %s", c.Version, place.words()), c.Key)
		}
		return changes, c.Key == "", nil
	}
	return a.changeSecrets(ctx, actor, c.Service, c.Environment, change)
}

// SecretVerb is one of three ways to take versions away, or to bring them back.
type SecretVerb string

// The verbs. Deleting can be undone, destroying cannot.
const (
	DeleteVersions   SecretVerb = "delete"
	UndeleteVersions SecretVerb = "undelete"
	DestroyVersions  SecretVerb = "destroy"
)

// RemoveSecrets does one of the verbs to versions.
type RemoveSecrets struct {
	Once
	Service     string
	Environment string
	Verb        SecretVerb
	Versions    []int
}

// RemoveSecrets refuses to take away what runs was given: its next restart would
// fail.
func (a *App) RemoveSecrets(ctx context.Context, actor slipway.Actor, c RemoveSecrets) (SecretsChanged, error) {
	change := secretChange{action: string(c.Verb) + "d", verb: string(c.Verb) + "s", permission: slipway.SecretWrite, versions: c.Versions, once: c.Once, command: c}
	verbs := map[SecretVerb]func(context.Context, string, []int) error{}
	if a.Secret != nil {
		verbs = map[SecretVerb]func(context.Context, string, []int) error{DeleteVersions: a.Secret.Secrets.Delete,
			UndeleteVersions: a.Secret.Secrets.Undelete, DestroyVersions: a.Secret.Secrets.Destroy}
	}
	if c.Verb == DestroyVersions {
		change.action, change.permission = "destroyed", slipway.SecretDestroy
	}
	if len(c.Versions) == 0 || len(c.Versions) > 100 || slices.Min(c.Versions) < 1 {
		return SecretsChanged{}, slipway.Invalid("The choice of versions", []slipway.FieldError{{Field: "versions", Message: "are one to a hundred numbers"}})
	}
	change.do = func(place secretPlace, _ int) (int, error) {
		do, ok := verbs[c.Verb]
		if !ok {
			return 0, slipway.Invalid("The verb", []slipway.FieldError{{Field: "verb", Message: "is delete, undelete or destroy"}})
		}
		return slices.Max(c.Versions), do(ctx, place.path, c.Versions)
	}
	return a.changeSecrets(ctx, actor, c.Service, c.Environment, change)
}

// secretChange is what changeSecrets needs to know.
type secretChange struct {
	action     string // as records call it
	verb       string
	permission slipway.Permission
	keys       []string
	versions   []int
	over       *int
	once       Once
	command    any // what Once is about
	// content is what a write is of, and whether nothing else stays; do is what
	// any other change does. One of them is set.
	content func(place secretPlace) (changes map[string]*slipway.Secret, replace bool, err error)
	do      func(place secretPlace, over int) (version int, err error)
}

func (c secretChange) summary(place secretPlace) string {
	switch {
	case len(c.versions) > 0:
		return fmt.Sprintf("%s version %s of the secrets of %s", c.verb, numbers(c.versions), place.words())
	case len(c.keys) > 0:
		// Who reads the audit need not be one who may list: names are in its detail.
		return fmt.Sprintf("%s %s of %s", c.verb, keyCount(len(c.keys)), place.words())
	default:
		return fmt.Sprintf("%s the secrets of %s", c.verb, place.words())
	}
}

func keyCount(n int) string {
	if n == 1 {
		return "1 key"
	}
	return strconv.Itoa(n) + " keys"
}

func numbers(versions []int) string {
	text := ""
	for i, v := range versions {
		if i > 0 {
			text += ", "
		}
		text += strconv.Itoa(v)
	}
	return text
}

// changeSecrets authorizes and writes down who is about to do what, in one
// transaction; then the store is asked, which no transaction of ours can hold;
// then what came of it is written down. A crash between leaves an entry of a
// change that was perhaps made, and never a change without an entry.
func (a *App) changeSecrets(ctx context.Context, actor slipway.Actor, service, environment string, c secretChange) (SecretsChanged, error) {
	var place secretPlace
	var rule *slipway.ApprovalGate
	over, answered, outcome := 0, false, ""
	prepare := func(tx slipway.Tx) (err error) {
		if place, err = a.secretPlaceIn(ctx, tx, actor, service, environment, c.permission); err != nil {
			return err
		}
		if rule, err = secretRule(ctx, tx, service, environment); err != nil {
			return err
		}
		if outcome, answered, err = a.answered(ctx, tx, actor, c.once, c.command); err != nil || answered {
			return err
		}
		if c.action != "deleted" && c.action != "destroyed" {
			return nil
		}
		pinned, err := pinnedVersions(ctx, tx, service, environment)
		for _, v := range c.versions {
			if slices.Contains(pinned, v) {
				return slipway.Conflict(fmt.Sprintf("Version %d is what %s runs with.", v, place.words()),
					"Deploy with another version first, then take this one away.")
			}
		}
		return err
	}
	if err := a.Store.Read(ctx, prepare); err != nil {
		return SecretsChanged{}, err
	}
	if answered {
		return a.answeredChange(place, c, outcome)
	}
	if c.over != nil {
		over = *c.over
	} else if len(c.versions) == 0 {
		h, err := a.Secret.Secrets.History(ctx, place.path)
		if err != nil {
			return SecretsChanged{}, err
		}
		over = h.Current
	}
	if rule != nil && c.content != nil {
		return a.propose(ctx, actor, place, c, over, *rule)
	}
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		if err := prepare(tx); err != nil {
			return err
		}
		return a.audited(ctx, tx, actor, "secret."+c.action, place, c.summary(place), map[string]any{"path": place.path, "keys": c.keys, "versions": c.versions, "over": over})
	})
	if err != nil {
		return SecretsChanged{}, err
	}
	version, err := a.makeChange(ctx, place, c, over)
	if err != nil {
		return SecretsChanged{}, a.notChanged(ctx, actor, place, c, over, err)
	}
	return SecretsChanged{Path: place.path, Version: version, Keys: c.keys}, a.changed(ctx, actor, place, c, version)
}

// makeChange asks the store, outside of any transaction.
func (a *App) makeChange(ctx context.Context, place secretPlace, c secretChange, over int) (int, error) {
	if c.content == nil {
		return c.do(place, over)
	}
	changes, replace, err := c.content(place)
	if err != nil {
		return 0, err
	}
	return a.writeSecrets(ctx, place.path, changes, replace, over)
}

func (a *App) writeSecrets(ctx context.Context, path string, changes map[string]*slipway.Secret, replace bool, over int) (int, error) {
	if !replace {
		return a.Secret.Secrets.Patch(ctx, path, changes, over)
	}
	whole := map[string]slipway.Secret{}
	for key, value := range changes {
		if value != nil {
			whole[key] = *value
		}
	}
	return a.Secret.Secrets.Put(ctx, path, whole, over)
}

// answeredChange is the answer that was given before: a version, or a proposal.
func (a *App) answeredChange(place secretPlace, c secretChange, outcome string) (SecretsChanged, error) {
	id, proposed := strings.CutPrefix(outcome, proposalOutcome)
	number, err := atoi("version", id)
	if proposed {
		return SecretsChanged{Path: place.path, Keys: c.keys, Proposal: number}, err
	}
	return SecretsChanged{Path: place.path, Version: int(number), Keys: c.keys}, err
}

// changed writes down what came of it, for those who look at versions and for
// those who wait for news.
func (a *App) changed(ctx context.Context, actor slipway.Actor, place secretPlace, c secretChange, version int) error {
	if _, err := a.Secret.Look(ctx, place.service, place.environment); err != nil {
		return err
	}
	return a.Store.Write(ctx, func(tx slipway.Tx) error {
		now := a.now()
		err := tx.Secrets().AddChange(ctx, slipway.SecretChange{Service: place.service.Name, Environment: place.environment, Path: place.path, Version: version,
			Action: c.action, Keys: c.keys, By: actor.ID, ByName: actor.Name, At: now})
		if err != nil {
			return err
		}
		if _, err := a.once(ctx, tx, actor, c.once, c.command, func() (string, error) { return strconv.Itoa(version), nil }); err != nil {
			return err
		}
		on := place.resource()
		return tx.Events().Add(ctx, slipway.DomainEvent{At: now, Kind: "secret." + c.action, Team: on.Team, Service: on.Service,
			Environment: on.Environment, Actor: actor.Name, Message: c.summary(place)})
	})
}

// audited writes the entry alone: what is only being tried is no news yet.
func (a *App) audited(ctx context.Context, tx slipway.Tx, actor slipway.Actor, action string, place secretPlace, summary string, detail map[string]any) error {
	encoded, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("audit detail of %s: %w", action, err)
	}
	entry := actor.Entry(action, place.resource(), place.service.Name+"/"+place.environment, summary, a.now())
	entry.Detail = encoded
	_, err = tx.Audit().Append(ctx, entry)
	return err
}

// notChanged writes down that nothing came of it, and says who was quicker.
func (a *App) notChanged(ctx context.Context, actor slipway.Actor, place secretPlace, c secretChange, over int, why error) error {
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		if slipway.SecretFaultOf(why) == slipway.SecretMoved {
			changes, err := tx.Secrets().Changes(ctx, place.path, 1)
			if err != nil {
				return err
			}
			why = overtaken(place, over, changes)
		}
		reason := string(slipway.CodeOf(why))
		if fault := slipway.SecretFaultOf(why); fault != "" {
			reason = string(fault)
		}
		return a.audited(ctx, tx, actor, "secret.unchanged", place, fmt.Sprintf("%s: nothing came of it (%s)", c.summary(place), reason),
			map[string]any{"path": place.path, "over": over, "reason": reason})
	})
	if err != nil {
		return err
	}
	return why
}

// overtaken says who changed what since the asker looked.
func overtaken(place secretPlace, over int, changes []slipway.SecretChange) error {
	e := slipway.SecretsMoved(place.path, over)
	e.Message = fmt.Sprintf("The secrets of %s were changed since you opened them at version %d, outside of Slipway.", place.words(), over)
	if len(changes) > 0 && changes[0].Version > over {
		what := keysInWords(changes[0].Keys)
		if what == "" {
			what = "the secrets"
		}
		e.Message = fmt.Sprintf("%s changed %s of %s at %s, since you opened it at version %d.", changes[0].ByName, what, place.words(),
			changes[0].At.UTC().Format("15:04:05 MST"), over)
	}
	return e
}
