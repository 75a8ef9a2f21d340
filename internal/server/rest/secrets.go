package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Key is one key of a service in an environment.
type Key struct {
	Name       string `json:"name"`
	Set        bool   `json:"set"`
	Needed     bool   `json:"needed" doc:"The pipeline says that a release needs it there."`
	Restricted bool   `json:"restricted" doc:"Nobody can see its value."`
	Alike      string `json:"alike,omitempty" doc:"A letter that environments with the same value of the key share, in this answer. Only for those who may reveal both."`
	Runs       int    `json:"runs,omitempty" doc:"The version that what runs was given."`
}

// Keys are the keys of a service in an environment, without their values.
type Keys struct {
	Environment string     `json:"environment"`
	Path        string     `json:"path" doc:"Where they lie, below the mount."`
	Version     int        `json:"version" doc:"The newest that can be read; 0: none."`
	Keys        []Key      `json:"keys"`
	ChangedBy   string     `json:"changedBy,omitempty" doc:"Who made that version, if that was through Slipway."`
	ChangedAt   *time.Time `json:"changedAt,omitempty"`
	Problem     string     `json:"problem,omitempty" doc:"Why this tells what was seen last, and not what is there now."`
	WhyNot      string     `json:"whyNot,omitempty" doc:"Why you may not see the names."`
	NewValues   []string   `json:"newValues" doc:"Keys that have another value than what runs was given."`
	Rotate      string     `json:"rotate" doc:"How new values reach what runs: auto, ask or never."`
}

func keysOf(c app.SecretColumn) Keys {
	k := Keys{Environment: c.Environment.Name, Path: c.Path, Version: c.View.Version, Keys: []Key{}, Problem: c.View.Problem, WhyNot: c.WhyNot,
		NewValues: listed(c.Rotation.Keys), Rotate: string(c.Rotation.Rule)}
	if k.WhyNot != "" {
		k.Path = ""
	}
	for _, name := range c.Names() {
		cell := c.Cells[name]
		k.Keys = append(k.Keys, Key{Name: name, Set: cell.Set, Needed: cell.Needed, Restricted: cell.Restricted, Alike: cell.Alike, Runs: c.Pinned[name]})
	}
	if c.LastChange != nil {
		k.ChangedBy, k.ChangedAt = c.LastChange.ByName, utc(&c.LastChange.At)
	}
	return k
}

// KeyMatrix is which keys a service has where.
type KeyMatrix struct {
	Environments []Keys `json:"environments"`
}

// KeyVersion is one version of the keys of a service in an environment.
type KeyVersion struct {
	Version   int        `json:"version"`
	At        time.Time  `json:"at"`
	State     string     `json:"state" doc:"there, deleted (it can be undeleted) or destroyed"`
	DeletedAt *time.Time `json:"deletedAt,omitempty"`
	How       string     `json:"how,omitempty" doc:"set, imported or restored, if that was through Slipway."`
	By        string     `json:"by,omitempty"`
	Keys      []string   `json:"keys" doc:"The keys that were changed, if that is known."`
	Runs      bool       `json:"runs" doc:"What runs was given it."`
}

// KeyVersions are the versions, newest first.
type KeyVersions struct {
	Path    string       `json:"path"`
	Current int          `json:"current"`
	Items   []KeyVersion `json:"items"`
}

// ChangeKeys sets and removes keys; the others stay as they are, unseen.
type ChangeKeys struct {
	Set        map[string]string `json:"set,omitempty" doc:"Key and value."`
	Remove     []string          `json:"remove,omitempty" maxItems:"500"`
	Over       *int              `json:"over,omitempty" minimum:"0" doc:"The version that you looked at; if another has come meanwhile it is a conflict. Whatever is there if left out."`
	Import     bool              `json:"import,omitempty" doc:"Call it an import in the records."`
	Restricted *bool             `json:"restricted,omitempty" doc:"true: nobody is to see these values, now or later. false: the restriction is lifted, for these values and not for older ones; whoever does it has to be one who may reveal. As it is if left out."`
}

func (c ChangeKeys) changes() map[string]*slipway.Secret {
	out := map[string]*slipway.Secret{}
	for _, key := range c.Remove {
		out[key] = nil
	}
	for key, value := range c.Set {
		secret := slipway.NewSecret(value)
		out[key] = &secret
	}
	return out
}

// RestrictKeys names keys that nobody is to see.
type RestrictKeys struct {
	Keys []string `json:"keys" minItems:"1" maxItems:"500"`
}

// KeysRestricted are keys that nobody can see any more.
type KeysRestricted struct {
	Path string   `json:"path"`
	Keys []string `json:"keys"`
}

// KeysChanged is what came of a change, or would come of it.
type KeysChanged struct {
	Change  int64    `json:"change,omitempty" doc:"Number of a change that waits for approval: nothing was written yet."`
	Path    string   `json:"path"`
	Version int      `json:"version" doc:"The new one; of a dry run the one that it was compared with."`
	New     []string `json:"new,omitempty" doc:"Of a dry run: keys that are not there yet."`
	Replace []string `json:"replace,omitempty" doc:"Keys that are."`
	Keep    []string `json:"keep,omitempty" doc:"Keys that stay as they are."`
}

func keysChanged(ctx context.Context) func(app.SecretsChanged, error) (*answer[KeysChanged], error) {
	return func(c app.SecretsChanged, err error) (*answer[KeysChanged], error) {
		return unstored(ctx, KeysChanged{Change: c.Proposal, Path: c.Path, Version: c.Version}, err)
	}
}

// KeyDifference is one key of two environments.
type KeyDifference struct {
	Key  string `json:"key"`
	What string `json:"what" doc:"Of environments: only in one of them, same, differs; set, if you may not reveal both. Of versions: new, removed, changed, same; in both, if you may not reveal; restricted, if nobody may."`
}

// FoundKey is a key of a service, with where it is set.
type FoundKey struct {
	Key          string   `json:"key"`
	Team         string   `json:"team"`
	Service      string   `json:"service"`
	Environments []string `json:"environments"`
}

// FoundKeys are keys, by name.
type FoundKeys struct {
	Items []FoundKey `json:"items"`
}

// KeyDifferences are the keys of two environments.
type KeyDifferences struct {
	Items []KeyDifference `json:"items"`
}

// Rotation asks for what runs to be given today's values of its keys.
type Rotation struct {
	Note string `json:"note,omitempty" maxLength:"2000"`
}

// KeyValue is the value of a key.
type KeyValue struct {
	Key     string    `json:"key"`
	Value   string    `json:"value"`
	Version int       `json:"version"`
	Until   time.Time `json:"until" doc:"Show it no longer than that."`
}

type (
	changeKeysIn struct {
		StageIn
		DryRun bool `query:"dryRun" doc:"Say what it would do, and do nothing."`
		Body   ChangeKeys
	}
	keyIn struct {
		StageIn
		Name    string `path:"key" maxLength:"200" doc:"Name of the key." example:"STRIPE_KEY"`
		Version int    `query:"version" minimum:"0" doc:"0, or left out: the newest."`
	}
	restoreKeysIn struct {
		StageIn
		KeyIn
		Body struct {
			Version int    `json:"version" minimum:"1"`
			Key     string `json:"key,omitempty" maxLength:"200" doc:"One key of it; all if left out."`
			Over    *int   `json:"over,omitempty" minimum:"0"`
		}
	}
	removeKeysIn struct {
		StageIn
		KeyIn
		Body struct {
			Versions []int `json:"versions" minItems:"1" maxItems:"100"`
		}
	}
	restrictKeysIn struct {
		StageIn
		KeyIn
		Body RestrictKeys
	}
	compareVersionsIn struct {
		StageIn
		From int `query:"from" minimum:"0" doc:"0: before the first."`
		To   int `query:"to" minimum:"1" required:"true"`
	}
	findKeysIn struct {
		Key string `query:"key" required:"true" minLength:"3" maxLength:"200" doc:"A part of its name; capitals do not matter."`
	}
	rotateIn struct {
		StageIn
		KeyIn
		Body *Rotation
	}
	compareKeysIn struct {
		ServiceIn
		From string `query:"from" required:"true" maxLength:"63"`
		To   string `query:"to" required:"true" maxLength:"63"`
	}
)

// maxKeys is the body of a change: a whole .env with long values in it.
const maxKeys = 1 << 20

func (s *Surface) registerSecrets() {
	const stage = "/services/{service}/environments/{environment}/secrets"
	list, write := server.Needs(slipway.SecretList), server.Needs(slipway.SecretWrite)
	add(s, operation{id: "list-secrets", method: http.MethodGet, path: "/services/{service}/secrets", access: server.Needs(slipway.ServiceRead), tag: "secrets",
		summary: "Which keys are set in which environment", about: "No answer here holds a value."}, s.secretMatrix)
	add(s, operation{id: "compare-secrets", method: http.MethodGet, path: "/services/{service}/secrets/compare", access: list, tag: "secrets",
		summary: "Compare the keys of two environments"}, s.compareSecrets)
	add(s, operation{id: "get-secrets", method: http.MethodGet, path: stage, access: list, tag: "secrets",
		summary: "The keys of a service in an environment"}, s.stageSecrets)
	add(s, operation{id: "change-secrets", method: http.MethodPatch, path: stage, access: write, tag: "secrets", max: maxKeys,
		summary: "Set and remove keys", about: "The other keys stay as they are. Nothing that runs takes the new version before a deployment does."}, s.changeSecrets)
	add(s, operation{id: "list-secret-versions", method: http.MethodGet, path: stage + "/versions", access: list, tag: "secrets",
		summary: "The versions, newest first"}, s.secretVersions)
	add(s, operation{id: "compare-secret-versions", method: http.MethodGet, path: stage + "/versions/compare", access: list, tag: "secrets",
		summary: "Which keys differ between two versions", about: "Never how: no value is in it, and not how long one is."}, s.compareVersions)
	add(s, operation{id: "find-secrets", method: http.MethodGet, path: "/secrets", access: list, tag: "secrets",
		summary: "Find keys of all services by a part of their names", about: "Of what was last seen, where you may list."}, s.findSecrets)
	add(s, operation{id: "reveal-secret", method: http.MethodGet, path: stage + "/values/{key}", access: server.Needs(slipway.SecretReveal), tag: "secrets",
		summary: "The value of a key", about: "Each answer is written down in the audit before it is given."}, s.revealSecret)
	add(s, operation{id: "restrict-secrets", method: http.MethodPost, path: stage + "/restrict", access: write, tag: "secrets",
		summary: "Take the sight of keys away", about: "Their values, older ones too, can be set, brought back and delivered from then on, and nobody can see them."}, s.restrictSecrets)
	add(s, operation{id: "rollback-secrets", method: http.MethodPost, path: stage + "/rollback", access: write, tag: "secrets",
		summary: "Make an older version, or one key of it, the newest again"}, s.restoreSecrets)
	add(s, operation{id: "roll-out-secrets", method: http.MethodPost, path: "/services/{service}/environments/{environment}/rotate",
		access: server.Needs(slipway.DeploymentPromote), tag: "secrets", status: http.StatusAccepted,
		summary: "Give what runs today's values of its keys", about: "An ordinary deployment, with a plan and gates of its own, of what is live and with nothing new but the values."}, s.rollOutSecrets)
	add(s, operation{id: "delete-secret-versions", method: http.MethodPost, path: stage + "/delete", access: write, tag: "secrets",
		summary: "Take versions away; it can be undone"}, s.removeSecrets(app.DeleteVersions))
	add(s, operation{id: "undelete-secret-versions", method: http.MethodPost, path: stage + "/undelete", access: write, tag: "secrets",
		summary: "Bring deleted versions back"}, s.removeSecrets(app.UndeleteVersions))
	add(s, operation{id: "destroy-secret-versions", method: http.MethodPost, path: stage + "/destroy", access: server.Needs(slipway.SecretDestroy), tag: "secrets",
		summary: "Take the values of versions away for good"}, s.removeSecrets(app.DestroyVersions))
}

func (s *Surface) rollOutSecrets(ctx context.Context, actor slipway.Actor, in *rotateIn) (*deploymentOut, error) {
	c := app.RolloutSecrets{Once: in.once(), Service: in.Service, Environment: in.Environment}
	if in.Body != nil {
		c.Note = in.Body.Note
	}
	return accepted(s.App.RolloutSecrets(ctx, actor, c))
}

func (s *Surface) removeSecrets(verb app.SecretVerb) handler[removeKeysIn, answer[KeysChanged]] {
	return func(ctx context.Context, actor slipway.Actor, in *removeKeysIn) (*answer[KeysChanged], error) {
		return keysChanged(ctx)(s.App.RemoveSecrets(ctx, actor, app.RemoveSecrets{Once: in.once(), Service: in.Service, Environment: in.Environment, Verb: verb, Versions: in.Body.Versions}))
	}
}

// unstored keeps the answer out of every cache on its way.
func unstored[T any](ctx context.Context, body T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	exchangeOf(ctx).c.Response().Header().Set("Cache-Control", "no-store")
	return &answer[T]{body}, nil
}

func (s *Surface) secretMatrix(ctx context.Context, actor slipway.Actor, in *ServiceIn) (*answer[KeyMatrix], error) {
	m, err := s.App.Secrets(ctx, actor, in.Service)
	return unstored(ctx, KeyMatrix{each(m.Environments, keysOf)}, err)
}

func (s *Surface) stageSecrets(ctx context.Context, actor slipway.Actor, in *StageIn) (*answer[Keys], error) {
	c, err := s.App.SecretsIn(ctx, actor, in.Service, in.Environment)
	return unstored(ctx, keysOf(c), err)
}

func (s *Surface) compareSecrets(ctx context.Context, actor slipway.Actor, in *compareKeysIn) (*answer[KeyDifferences], error) {
	found, err := s.App.CompareSecrets(ctx, actor, in.Service, in.From, in.To)
	return unstored(ctx, KeyDifferences{each(found, func(d app.SecretDifference) KeyDifference { return KeyDifference{d.Key, d.What} })}, err)
}

func (s *Surface) compareVersions(ctx context.Context, actor slipway.Actor, in *compareVersionsIn) (*answer[KeyDifferences], error) {
	found, err := s.App.CompareVersions(ctx, actor, in.Service, in.Environment, in.From, in.To)
	return unstored(ctx, KeyDifferences{each(found, func(d app.SecretVersionChange) KeyDifference { return KeyDifference{d.Key, d.What} })}, err)
}

func (s *Surface) findSecrets(ctx context.Context, actor slipway.Actor, in *findKeysIn) (*answer[FoundKeys], error) {
	found, err := s.App.FindSecrets(ctx, actor, in.Key)
	return unstored(ctx, FoundKeys{each(found, func(k app.FoundKey) FoundKey { return FoundKey(k) })}, err)
}

func (s *Surface) changeSecrets(ctx context.Context, actor slipway.Actor, in *changeKeysIn) (*answer[KeysChanged], error) {
	if !in.DryRun {
		return keysChanged(ctx)(s.App.SetSecrets(ctx, actor, app.SetSecrets{Service: in.Service, Environment: in.Environment, Changes: in.Body.changes(), Over: in.Body.Over, Import: in.Body.Import, Restricted: in.Body.Restricted}))
	}
	p, err := s.App.PreviewImport(ctx, actor, in.Service, in.Environment, in.Body.changes())
	return unstored(ctx, KeysChanged{Path: p.Path, Version: p.Version, New: p.New, Replace: p.Replace, Keep: p.Keep}, err)
}

func (s *Surface) secretVersions(ctx context.Context, actor slipway.Actor, in *StageIn) (*answer[KeyVersions], error) {
	v, err := s.App.SecretVersions(ctx, actor, in.Service, in.Environment)
	return unstored(ctx, KeyVersions{Path: v.Path, Current: v.Current, Items: each(v.Versions, keyVersion)}, err)
}

func keyVersion(v app.SecretVersionView) KeyVersion {
	k := KeyVersion{Version: v.Version, At: at(v.At), State: "there", DeletedAt: utc(v.DeletedAt), Keys: []string{}, Runs: v.Live}
	switch {
	case v.Destroyed:
		k.State = "destroyed"
	case v.DeletedAt != nil:
		k.State = "deleted"
	}
	if v.Change != nil {
		k.How, k.By, k.Keys = v.Change.Action, v.Change.ByName, listed(v.Change.Keys)
	}
	return k
}

func (s *Surface) revealSecret(ctx context.Context, actor slipway.Actor, in *keyIn) (*answer[KeyValue], error) {
	r, err := s.App.RevealSecret(ctx, actor, app.RevealSecret{Service: in.Service, Environment: in.Environment, Key: in.Name, Version: in.Version})
	return unstored(ctx, KeyValue{Key: in.Name, Value: r.Value.Reveal(), Version: r.Version, Until: at(r.Until)}, err)
}

func (s *Surface) restrictSecrets(ctx context.Context, actor slipway.Actor, in *restrictKeysIn) (*answer[KeysRestricted], error) {
	c, err := s.App.RestrictSecrets(ctx, actor, app.RestrictSecrets{Once: in.once(), Service: in.Service, Environment: in.Environment, Keys: in.Body.Keys})
	return unstored(ctx, KeysRestricted{Path: c.Path, Keys: listed(c.Keys)}, err)
}

func (s *Surface) restoreSecrets(ctx context.Context, actor slipway.Actor, in *restoreKeysIn) (*answer[KeysChanged], error) {
	return keysChanged(ctx)(s.App.RestoreSecrets(ctx, actor, app.RestoreSecrets{Once: in.once(), Service: in.Service, Environment: in.Environment,
		Version: in.Body.Version, Key: in.Body.Key, Over: in.Body.Over}))
}
