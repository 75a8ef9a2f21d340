package app

import (
	"context"
	"errors"
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

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
	if c.Verb == DestroyVersions {
		change.action, change.permission = "destroyed", slipway.SecretDestroy
	}
	if len(c.Versions) == 0 || len(c.Versions) > 100 || slices.Min(c.Versions) < 1 {
		return SecretsChanged{}, slipway.Invalid("The choice of versions", []slipway.FieldError{{Field: "versions", Message: "are one to a hundred numbers"}})
	}
	if !slices.Contains([]SecretVerb{DeleteVersions, UndeleteVersions, DestroyVersions}, c.Verb) {
		return SecretsChanged{}, slipway.Invalid("The verb", []slipway.FieldError{{Field: "verb", Message: "is delete, undelete or destroy"}})
	}
	change.do = func(in slipway.SecretStore, place secretPlace, _ int) (int, error) {
		return removeVersions(ctx, in, change.action, place.path, c.Versions)
	}
	return a.changeSecrets(ctx, actor, c.Service, c.Environment, change)
}

// removeVersions does what records call an action to versions; doing it twice is
// no error.
func removeVersions(ctx context.Context, in slipway.SecretStore, action, path string, versions []int) (int, error) {
	do := map[string]func(context.Context, string, []int) error{"deleted": in.Delete, "undeleted": in.Undelete, "destroyed": in.Destroy}[action]
	if do == nil {
		return 0, errors.New("nothing that is " + action + " can be done to versions")
	}
	return slices.Max(versions), do(ctx, path, versions)
}

// usedVersion is one of the versions that would be taken from what runs; 0: none.
func usedVersion(ctx context.Context, tx slipway.Tx, service, environment, action string, versions []int) (int, error) {
	if action != "deleted" && action != "destroyed" {
		return 0, nil
	}
	pinned, err := pinnedVersions(ctx, tx, service, environment)
	for _, v := range versions {
		if slices.Contains(pinned, v) {
			return v, err
		}
	}
	return 0, err
}
