package slipway

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// RotateRule says how a new value of a key reaches what runs already.
type RotateRule string

// The rules. A stage that says nothing asks.
const (
	RotateAuto  RotateRule = "auto"  // by a deployment, as soon as nothing else is under way
	RotateAsk   RotateRule = "ask"   // by a deployment, once somebody says so
	RotateNever RotateRule = "never" // with the next deployment of any other cause
)

// RotateRules lists every rule.
func RotateRules() []RotateRule { return []RotateRule{RotateAuto, RotateAsk, RotateNever} }

// Rotation is how the stage's keys reach what runs.
func (s Stage) Rotation() RotateRule {
	if s.Rotate == "" {
		return RotateAsk
	}
	return s.Rotate
}

// SecretTurn is what is new for a deployment that is live: the keys that it was
// given and that have another value now. That others changed concerns it not.
type SecretTurn struct {
	Deployment int64    `json:"deployment"`
	To         int      `json:"to"` // the version that was compared with
	Keys       []string `json:"keys"`
}

// Rotated lists the keys that what is live was given and that have other values
// now. It is empty as well while one of its keys is missing: with that it would
// not start, and the key may come back.
func (v SecretView) Rotated(live *Live) []string {
	if live == nil || v.Turn == nil || v.Turn.Deployment != live.Deployment || v.Turn.To != v.Version {
		return nil
	}
	for key := range live.Spec.Secrets {
		if !slices.Contains(v.Keys, key) {
			return nil
		}
	}
	return v.Turn.Keys
}

// turned compares what a deployment was given with what there is now. Versions
// never change, so it is done once for each pair of them.
func (k *SecretDesk) turned(ctx context.Context, known *SecretTurn, live *Live, is SecretView) (*SecretTurn, error) {
	if live == nil || len(live.Spec.Secrets) == 0 || is.Version == 0 || live.Spec.given(is) {
		return nil, nil
	}
	if known != nil && known.Deployment == live.Deployment && known.To == is.Version {
		return known, nil
	}
	now, err := k.Secrets.Read(ctx, is.Path, is.Version)
	if err != nil {
		return nil, err
	}
	turn := &SecretTurn{Deployment: live.Deployment, To: is.Version, Keys: []string{}}
	then := map[int]SecretDocument{}
	for _, key := range slices.Sorted(maps.Keys(live.Spec.Secrets)) {
		version := live.Spec.Secrets[key]
		was, read := then[version]
		if !read && version > 0 {
			was, err = k.Secrets.Read(ctx, live.Spec.SecretPath, version)
			if fault := SecretFaultOf(err); err != nil && fault != SecretNone && fault != SecretDeleted && fault != SecretDestroyed {
				return nil, err
			}
			then[version] = was // of what is gone nothing is the same
		}
		before, had := was.Values[key]
		if after, has := now.Values[key]; has && (!had || before != after) {
			turn.Keys = append(turn.Keys, key)
		}
	}
	return turn, nil
}

// given reports whether the spec has all its keys in the newest version.
func (s Spec) given(v SecretView) bool {
	for _, version := range s.Secrets {
		if version != v.Version {
			return false
		}
	}
	return s.SecretPath == v.Path
}

// rotated is the spec with today's versions of its keys, and nothing else new: a
// rotation brings no setting along that nobody has sent out yet.
func (s Spec) rotated(v SecretView) Spec {
	s.SecretPath, s.Secrets = v.Path, v.pins(slices.Sorted(maps.Keys(s.Secrets)))
	return s
}

// rotatable says why what is live cannot be given new values now.
func (d Draft) rotatable(r Request) error {
	live, part := d.State.Live, d.State.Partial
	switch {
	case live.Spec.Version != r.Version:
		return Conflict(r.Version+" is not live in "+r.Environment+", so it cannot be given new values.", "Promote it: it gets them with that.")
	case part != nil:
		return Conflict(fmt.Sprintf("%s has %s of %s, and a rotation would end that.", part.Spec.Version, part.words(), r.Environment),
			"Widen it, or roll back to withdraw it; then roll the new values out.")
	case len(d.Plan.Rotates) == 0:
		return Conflict("What runs in "+r.Environment+" has the newest value of each key that it was given, or lacks one now.", "There is nothing to roll out.")
	}
	return nil
}

// keyCount is how many keys, in words: names are not for everybody.
func keyCount(keys []string) string {
	if len(keys) == 1 {
		return "1 key"
	}
	return strconv.Itoa(len(keys)) + " keys"
}
