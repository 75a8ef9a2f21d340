package app

import (
	"context"
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
	// Restricted says that nobody is to see the values, or that the restriction is
	// lifted for them; nil: as it is. Lifting needs the permission to reveal, too.
	Restricted *bool
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
	if err := checkLift(c); err != nil {
		return SecretsChanged{}, err
	}
	if c.Restricted != nil && *c.Restricted {
		change.restrict = keys
	} else if c.Restricted != nil {
		change.lifts = keys
	}
	change.content = func(slipway.SecretStore, secretPlace) (map[string]*slipway.Secret, bool, error) {
		return c.Changes, false, nil
	}
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
	change := secretChange{action: "restored", verb: fmt.Sprintf("restores version %d of", c.Version), permission: slipway.SecretWrite, over: c.Over, once: c.Once, command: c, restores: c.Version}
	if change.keys = []string{}; c.Key != "" {
		change.keys = []string{c.Key}
	}
	change.content = func(in slipway.SecretStore, place secretPlace) (map[string]*slipway.Secret, bool, error) {
		old, err := in.Read(ctx, place.path, c.Version)
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
	restrict   []string
	lifts      []string
	restores   int // the version that it brings back; 0: none
	// content is what a write is of, and whether nothing else stays; do is what
	// any other change does. One of them is set.
	content func(in slipway.SecretStore, place secretPlace) (changes map[string]*slipway.Secret, replace bool, err error)
	do      func(in slipway.SecretStore, place secretPlace, over int) (version int, err error)
}

func (c secretChange) summary(place secretPlace) string {
	switch {
	case len(c.versions) > 0:
		return fmt.Sprintf("%s version %s of the secrets of %s", c.verb, numbers(c.versions), place.words())
	case len(c.keys) > 0:
		// Who reads the audit need not be one who may list: names are in its detail.
		text := fmt.Sprintf("%s %s of %s", c.verb, keyCount(len(c.keys)), place.words())
		switch {
		case len(c.restrict) > 0:
			text += ", for nobody to see"
		case len(c.lifts) > 0:
			text += ", lifting the restriction"
		}
		return text
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

// changing is what is known of a change before it is made.
type changing struct {
	place    secretPlace
	rule     *slipway.ApprovalGate
	closing  []string // keys to be closed before it is written
	answered bool
	outcome  string
}

// mayChange authorizes a change, and says no to one that cannot be made now.
func (a *App) mayChange(ctx context.Context, tx slipway.Tx, actor slipway.Actor, service, environment string, c secretChange) (is changing, err error) {
	if is.place, err = a.secretPlaceIn(ctx, tx, actor, service, environment, c.permission); err != nil {
		return is, err
	}
	if len(c.lifts) > 0 {
		if _, err := a.service(ctx, tx, actor, service, environment, slipway.SecretReveal); err != nil {
			return is, err
		}
	}
	if is.rule, err = secretRule(ctx, tx, service, environment); err != nil {
		return is, err
	}
	if is.outcome, is.answered, err = a.answered(ctx, tx, actor, c.once, c.command); err != nil || is.answered {
		return is, err
	}
	marks, err := tx.SecretMarks().Of(ctx, service, environment)
	if err != nil {
		return is, err
	}
	is.closing = c.closing(marks)
	used, err := usedVersion(ctx, tx, service, environment, c.action, c.versions)
	if err == nil && used > 0 {
		err = slipway.Conflict(fmt.Sprintf("Version %d is what %s runs with.", used, is.place.words()),
			"Deploy with another version first, then take this one away.")
	}
	return is, err
}

// changeSecrets authorizes and writes down who is about to do what, in one
// transaction; then the store is asked, which no transaction of ours can hold;
// then what came of it is written down. A crash between leaves an entry of a
// change that was perhaps made, and never a change without an entry.
func (a *App) changeSecrets(ctx context.Context, actor slipway.Actor, service, environment string, c secretChange) (SecretsChanged, error) {
	var is changing
	prepare := func(tx slipway.Tx) (err error) {
		is, err = a.mayChange(ctx, tx, actor, service, environment, c)
		return err
	}
	if err := a.Store.Read(ctx, prepare); err != nil {
		return SecretsChanged{}, err
	}
	if is.answered {
		return a.answeredChange(is.place, c, is.outcome)
	}
	own, _, err := a.Secret.As(actor)
	if err != nil {
		return SecretsChanged{}, err
	}
	over := 0
	if c.over != nil {
		over = *c.over
	} else if len(c.versions) == 0 || is.rule != nil {
		h, err := own.History(ctx, is.place.path)
		if err != nil {
			return SecretsChanged{}, err
		}
		over = h.Current
	}
	if is.rule != nil {
		return a.propose(ctx, actor, own, is, c, over)
	}
	err = a.Store.Write(ctx, func(tx slipway.Tx) error {
		if err := prepare(tx); err != nil {
			return err
		}
		if c.content != nil {
			if err := a.keepClosed(ctx, tx, actor, is.place, is.closing, over); err != nil {
				return err
			}
		}
		return a.audited(ctx, tx, actor, "secret."+c.action, is.place, c.summary(is.place), map[string]any{"path": is.place.path, "keys": c.keys, "versions": c.versions, "over": over})
	})
	if err != nil {
		return SecretsChanged{}, err
	}
	version, err := makeChange(ctx, own, is.place, c, over)
	if err != nil {
		return SecretsChanged{}, a.notChanged(ctx, actor, is.place, c, over, err)
	}
	return SecretsChanged{Path: is.place.path, Version: version, Keys: c.keys}, a.changed(ctx, actor, is.place, c, version)
}

// makeChange asks the store, outside of any transaction.
func makeChange(ctx context.Context, in slipway.SecretStore, place secretPlace, c secretChange, over int) (int, error) {
	if c.content == nil {
		return c.do(in, place, over)
	}
	changes, replace, err := c.content(in, place)
	if err != nil {
		return 0, err
	}
	return writeSecrets(ctx, in, place.path, changes, replace, over)
}

func writeSecrets(ctx context.Context, in slipway.SecretWriter, path string, changes map[string]*slipway.Secret, replace bool, over int) (int, error) {
	if !replace {
		return in.Patch(ctx, path, changes, over)
	}
	whole := map[string]slipway.Secret{}
	for key, value := range changes {
		if value != nil {
			whole[key] = *value
		}
	}
	return in.Put(ctx, path, whole, over)
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
