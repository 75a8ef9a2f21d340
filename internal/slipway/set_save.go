package slipway

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// SaveSet keeps what a look at a set has changed, over the epoch it was read
// at, and tells of it: the audit of what it came to, events of every change.
func SaveSet(ctx context.Context, tx Tx, was, is ReleaseSet, now time.Time) (ReleaseSet, error) {
	saved, err := tx.Sets().Save(ctx, is)
	if err != nil {
		return was, err
	}
	by := System("release set")
	if is.State == was.State {
		return saved, tx.Events().Add(ctx, saved.Event("set.progress", by, now))
	}
	entry := by.Entry("set."+string(is.State), is.Whole(), is.Subject(), is.Message, now)
	if entry.Detail, err = json.Marshal(is.Items); err != nil {
		return was, err
	}
	if err := tx.Audit().Append(ctx, entry); err != nil {
		return was, err
	}
	return saved, tx.Events().Add(ctx, saved.Event("set."+string(is.State), by, now))
}

// Subject names the set in the audit.
func (s ReleaseSet) Subject() string { return fmt.Sprintf("set %d", s.ID) }

// Event is news of a set. Its detail says of which.
func (s ReleaseSet) Event(kind string, by Actor, now time.Time) DomainEvent {
	on := s.Whole()
	return DomainEvent{At: now, Kind: kind, Team: on.Team, Environment: on.Environment, Actor: by.Name, Message: s.Message,
		Detail: json.RawMessage(fmt.Sprintf(`{"set":%d}`, s.ID))}
}

// SetOf is the set that an event is news of; 0 if it is of none.
func SetOf(e DomainEvent) int64 {
	var detail struct {
		Set int64 `json:"set"`
	}
	if len(e.Detail) == 0 || json.Unmarshal(e.Detail, &detail) != nil {
		return 0
	}
	return detail.Set
}

// LoadSetFacts reads what a set is judged by.
func LoadSetFacts(ctx context.Context, tx Tx, s ReleaseSet) (SetFacts, error) {
	f := SetFacts{Deployments: map[int64]Deployment{}, Live: map[string]Live{}, Active: map[string]Deployment{}}
	var services []string
	for _, item := range s.Items {
		services = append(services, item.Service)
	}
	for _, id := range s.Deployments() {
		d, err := tx.Deployments().Get(ctx, id)
		if err != nil {
			return f, err
		}
		f.Deployments[id] = d
		if d.SupersededBy == 0 {
			continue
		}
		if f.Deployments[d.SupersededBy], err = tx.Deployments().Get(ctx, d.SupersededBy); err != nil {
			return f, err
		}
	}
	states, err := tx.Stages().Of(ctx, services)
	if err != nil {
		return f, err
	}
	for _, state := range states {
		if state.Environment == s.Environment && state.Live != nil {
			f.Live[state.Service] = *state.Live
		}
	}
	active, err := tx.Deployments().ActiveOf(ctx, services)
	for _, d := range active {
		if d.Environment == s.Environment {
			f.Active[d.Service] = d
		}
	}
	return f, err
}
