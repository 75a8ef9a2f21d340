package slipway

import (
	"slices"
	"time"
)

// ReleaseSet is releases of several services that go to one environment
// together, each after those it depends on, and back together the other way
// round. Each goes by an ordinary deployment, with its own gates and approvals:
// a set only decides when to ask for the next.
type ReleaseSet struct {
	ID          int64       `json:"id"`
	Epoch       int64       `json:"-"` // of the row; see Deployment
	Name        string      `json:"name"`
	Environment string      `json:"environment"`
	Items       []SetItem   `json:"items"`
	State       SetState    `json:"state"`
	OnFailure   FailureRule `json:"onFailure"`
	Asked       SetOrder    `json:"-"` // by whom it goes forward
	Stop        *SetOrder   `json:"-"` // why it goes no further, and by whom: by Slipway itself after a failure
	Ending      SetState    `json:"-"` // what it ends in once nothing is under way; empty while it goes forward
	Note        string      `json:"note,omitempty"`
	Message     string      `json:"message"` // what it does, or what is where
	CreatedAt   time.Time   `json:"createdAt"`
	EndedAt     *time.Time  `json:"endedAt,omitempty"`
}

// SetOrder is what somebody asked of a set. The steps are taken later, in their
// name, and only as far as they still may.
type SetOrder struct {
	By      Person    `json:"by"`
	TokenID string    `json:"tokenId,omitempty"` // if they came with one: revoked, it moves nothing any more
	At      time.Time `json:"at"`
	Reason  string    `json:"reason,omitempty"`
	// AcceptIrreversible says that they go back although a release is marked as
	// not reversible.
	AcceptIrreversible bool `json:"acceptIrreversible,omitempty"`
}

// SetState is where a set is.
type SetState string

// The states of a set. The first two are active.
const (
	SetRunning     SetState = "running"
	SetRollingBack SetState = "rollingBack"
	SetSucceeded   SetState = "succeeded"  // all of it is live
	SetRolledBack  SetState = "rolledBack" // all is as it was before
	SetFailed      SetState = "failed"     // neither; the message says what is where
	SetCancelled   SetState = "cancelled"  // somebody stopped it; the message says what is where
)

// SetStates lists every state.
func SetStates() []SetState {
	return []SetState{SetRunning, SetRollingBack, SetSucceeded, SetRolledBack, SetFailed, SetCancelled}
}

// Active reports whether the set still has something to do.
func (s SetState) Active() bool { return s == SetRunning || s == SetRollingBack }

// SetItem is one release of a set.
type SetItem struct {
	Team       string     `json:"team"`
	Service    string     `json:"service"`
	Version    string     `json:"version"`
	Seq        int64      `json:"seq"`                  // of the release
	After      []string   `json:"after,omitempty"`      // services of the set that go first
	From       string     `json:"from,omitempty"`       // version that was live when it was asked for
	Deployment int64      `json:"deployment,omitempty"` // on the way forward; 0: none yet, or it was live already
	Back       int64      `json:"back,omitempty"`       // on the way back
	State      ItemState  `json:"state"`
	Message    string     `json:"message,omitempty"`
	WaitsSince *time.Time `json:"waitsSince,omitempty"` // since when it cannot be asked for, though its turn has come
}

// ItemState is where a release of a set is.
type ItemState string

// The states of an item. What they say of the stage stands behind them.
const (
	ItemPending     ItemState = "pending"     // as before
	ItemRunning     ItemState = "running"     // on its way
	ItemSucceeded   ItemState = "succeeded"   // new
	ItemFailed      ItemState = "failed"      // as before: it did not get there
	ItemUnclear     ItemState = "unclear"     // neither: stopped in the middle, or in others' hands
	ItemSkipped     ItemState = "skipped"     // as before: it was not asked for any more
	ItemToRollBack  ItemState = "toRollBack"  // its turn to go back has not come yet
	ItemRollingBack ItemState = "rollingBack" // on its way back
	ItemRolledBack  ItemState = "rolledBack"  // as before again
	ItemKept        ItemState = "kept"        // new: it was to go back, and could not
)

// AsBefore reports whether the stage has what it had before the set.
func (s ItemState) AsBefore() bool {
	switch s {
	case ItemPending, ItemFailed, ItemSkipped, ItemRolledBack:
		return true
	default:
		return false
	}
}

func (s ItemState) underWay() bool { return s == ItemRunning || s == ItemRollingBack }

// SetFacts is what became of the deployments of a set, and what is where.
type SetFacts struct {
	Deployments map[int64]Deployment  // those of the items, and those that took their places
	Live        map[string]Live       // by service
	Active      map[string]Deployment // under way, by service
}

// SetVerb is what a set wants done.
type SetVerb string

// The verbs.
const (
	SetStart  SetVerb = "start"  // ask for the item's release
	SetBack   SetVerb = "back"   // ask for what was live before it
	SetCancel SetVerb = "cancel" // cancel the item's deployment
)

// SetAction is something to do about one item. Until it is done, each look at
// the set asks for it again.
type SetAction struct {
	Verb   SetVerb
	Item   int  // index
	HasNew bool // with SetBack: the stage still has the new release
}

// Started says that the item's deployment exists.
func (i *SetItem) Started(d Deployment) {
	i.State, i.Deployment, i.Message, i.WaitsSince = ItemRunning, d.ID, "", nil
	if d.Plan.From != nil {
		i.From = d.Plan.From.Version
	}
}

// WasLive says that there is nothing to do for the item.
func (i *SetItem) WasLive() {
	i.State, i.From, i.Message, i.WaitsSince = ItemSucceeded, i.Version, "It was live already.", nil
}

// Waits says that the item's deployment could not be asked for yet.
func (i *SetItem) Waits(why string, now time.Time) {
	i.Message = why
	if i.WaitsSince == nil {
		i.WaitsSince = &now
	}
}

// Refused says that the item's deployment was refused for good.
func (i *SetItem) Refused(why string) { i.State, i.Message, i.WaitsSince = ItemFailed, why, nil }

// GoesBack says that the deployment that takes the item back exists.
func (i *SetItem) GoesBack(deployment int64) {
	i.State, i.Back, i.Message, i.WaitsSince = ItemRollingBack, deployment, "", nil
}

// Stays says that the item was to go back and does not: it still has its new
// release, or it is not clear what it has.
func (i *SetItem) Stays(hasNew bool, why string) {
	i.State, i.Message, i.WaitsSince = ItemUnclear, why, nil
	if hasNew {
		i.State = ItemKept
	}
}

// Resource is what permissions on an item are asked for.
func (s ReleaseSet) Resource(i SetItem) Resource {
	return Resource{Team: i.Team, Service: i.Service, Environment: s.Environment}
}

// Whole is the resource of the set as a whole, for the audit: of a team, if all
// of it is that team's.
func (s ReleaseSet) Whole() Resource {
	on := Resource{Environment: s.Environment}
	for i, item := range s.Items {
		if i == 0 {
			on.Team = item.Team
		}
		if on.Team != item.Team {
			on.Team = ""
		}
	}
	return on
}

// Item returns the index of a service's item; -1 if it has none.
func (s ReleaseSet) Item(service string) int {
	return slices.IndexFunc(s.Items, func(i SetItem) bool { return i.Service == service })
}

// Dependents lists the indexes of the items that come directly after one.
func (s ReleaseSet) Dependents(item int) []int {
	var out []int
	for i, other := range s.Items {
		if slices.Contains(other.After, s.Items[item].Service) {
			out = append(out, i)
		}
	}
	return out
}

// Deployments lists the deployments of the set.
func (s ReleaseSet) Deployments() []int64 {
	var ids []int64
	for _, i := range s.Items {
		for _, id := range []int64{i.Deployment, i.Back} {
			if id != 0 {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
