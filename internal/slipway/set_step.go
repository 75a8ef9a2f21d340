package slipway

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// setPatience is how long an item whose turn has come may find no way to be
// asked for: its deployer cannot be reached, say, or another deployment is at
// work in its stage.
const setPatience = 24 * time.Hour

// StepSet is the machine of sets: it learns what became of the deployments,
// decides what that means, and says what is to be done. It is pure, and may be
// asked any number of times: what was not done is asked for again.
//
// Forward, every item whose predecessors are live goes, so that those that do
// not depend on one another go at the same time. When one fails, none is
// started any more, those that still wait for their gates are cancelled, and
// once nothing is under way the set stops or, by its rule, goes back. On the
// way back every item goes whose dependents have gone: nothing is taken away
// from under a release that may need it.
func StepSet(s ReleaseSet, f SetFacts, now time.Time) (ReleaseSet, []SetAction) {
	if !s.State.Active() {
		return s, nil
	}
	m := setMachine{s: s, f: f, now: now}
	m.s.Items = slices.Clone(s.Items)
	m.learn()
	var actions []SetAction
	if m.s.State == SetRunning {
		actions = m.forward()
	}
	if m.s.State == SetRollingBack {
		actions = m.back()
	}
	if m.s.State.Active() {
		m.s.Message = m.progress()
	}
	return m.s, actions
}

type setMachine struct {
	s   ReleaseSet
	f   SetFacts
	now time.Time
}

// forward starts what may start, or winds up what is not to go on.
func (m *setMachine) forward() []SetAction {
	if i := slices.IndexFunc(m.s.Items, func(i SetItem) bool { return !i.State.good() }); m.s.Ending == "" && i >= 0 {
		item := m.s.Items[i]
		m.s.Ending = SetFailed
		if m.s.OnFailure == OnFailureRollback {
			m.s.Ending = SetRolledBack
		}
		m.s.Stop = &SetOrder{By: System("").Person(), At: m.now, Reason: because(item.Service+" "+item.Version+" did not get there", item.Message)}
	}
	if m.s.Ending == "" {
		return m.starts()
	}
	var actions []SetAction
	busy := false
	for i := range m.s.Items {
		item := &m.s.Items[i]
		if item.State == ItemPending {
			item.State, item.Message, item.WaitsSince = ItemSkipped, "", nil
		}
		if !item.State.underWay() {
			continue
		}
		busy = true
		if m.toCancel(*item) {
			actions = append(actions, SetAction{Verb: SetCancel, Item: i})
		}
	}
	switch {
	case busy:
		return actions
	case m.s.Ending == SetRolledBack:
		m.s = m.s.turnedBack()
	default:
		m.end(m.s.Ending)
	}
	return nil
}

// good reports whether an item has not gone wrong on the way forward.
func (s ItemState) good() bool {
	return s == ItemPending || s == ItemRunning || s == ItemSucceeded
}

func (m *setMachine) starts() []SetAction {
	var actions []SetAction
	done := true
	for i, item := range m.s.Items {
		done = done && item.State == ItemSucceeded
		waits := slices.ContainsFunc(item.After, func(name string) bool { return m.s.Items[m.s.Item(name)].State != ItemSucceeded })
		if item.State == ItemPending && !waits {
			actions = append(actions, SetAction{Verb: SetStart, Item: i})
		}
	}
	if done {
		m.end(SetSucceeded)
	}
	return actions
}

// toCancel: what still waits for its gates has no use any more. What is at work
// is left to end in its own way, unless a person wants the set to stop.
func (m *setMachine) toCancel(item SetItem) bool {
	if item.State != ItemRunning {
		return false
	}
	switch m.f.Deployments[item.Deployment].State {
	case Waiting:
		return true
	case Running, Paused:
		return m.s.Stop.byPerson()
	default:
		return false
	}
}

func (o *SetOrder) byPerson() bool { return o != nil && o.By.Kind != ActorSystem }

// turnedBack is the set on its way back. By itself it takes back what had got
// there; for a person also what was left in the middle or could not go back.
func (s ReleaseSet) turnedBack() ReleaseSet {
	s.State, s.Ending, s.EndedAt = SetRollingBack, SetRolledBack, nil
	s.Items = slices.Clone(s.Items)
	for i := range s.Items {
		item := &s.Items[i]
		left := item.State == ItemUnclear || item.State == ItemKept
		if item.Deployment != 0 && (item.State == ItemSucceeded || left && s.Stop.byPerson()) {
			item.State, item.Message, item.WaitsSince = ItemToRollBack, "", nil
		}
	}
	return s
}

// back asks for what may go back now.
func (m *setMachine) back() []SetAction {
	var actions []SetAction
	for again := true; again; {
		again, actions = false, nil
		for i := range m.s.Items {
			item := &m.s.Items[i]
			if item.State != ItemToRollBack {
				continue
			}
			if m.mayGoBack(i) {
				actions = append(actions, SetAction{Verb: SetBack, Item: i, HasNew: m.hasNew(*item)})
			}
			again = again || item.State != ItemToRollBack // it may be what others wait for
		}
	}
	left := func(i SetItem) bool { return i.State == ItemKept || i.State == ItemUnclear }
	switch {
	case slices.ContainsFunc(m.s.Items, func(i SetItem) bool { return i.State == ItemToRollBack || i.State == ItemRollingBack }):
	case slices.ContainsFunc(m.s.Items, left):
		m.end(SetFailed)
	default:
		m.end(SetRolledBack)
	}
	return actions
}

// mayGoBack reports whether an item's turn has come, or settles it where there
// is nothing to do or nothing that can be done.
func (m *setMachine) mayGoBack(i int) bool {
	item := &m.s.Items[i]
	for _, j := range m.s.Dependents(i) {
		switch dependent := m.s.Items[j]; dependent.State {
		case ItemToRollBack, ItemRollingBack:
			return false
		case ItemKept, ItemUnclear:
			item.Stays(m.hasNew(*item), dependent.Service+" comes after it, and did not go back.")
			return false
		}
	}
	d := m.f.Deployments[item.Deployment]
	live, active := m.f.Live[item.Service], m.f.Active[item.Service]
	from := d.Plan.From
	switch {
	case from == nil:
		item.Stays(m.hasNew(*item), "Nothing ran there before, so there is nothing to go back to.")
	case active.ID != 0 && active.Cause == CauseRollback && active.Plan.To.ID() == from.ID():
		item.GoesBack(active.ID) // somebody was quicker
	case active.ID != 0:
		item.Stays(m.hasNew(*item), fmt.Sprintf("Deployment %d of %s is under way there.", active.ID, active.Version))
	case live.Deployment > d.ID && live.Spec.ID() == from.ID():
		item.State, item.Message = ItemRolledBack, "Somebody took it back already."
	case live.Deployment > d.ID && live.Spec.Version != item.Version:
		item.Stays(m.hasNew(*item), live.Spec.Version+" is live there by now.")
	case !d.Plan.To.Reversible && !m.s.Stop.AcceptIrreversible:
		item.Stays(m.hasNew(*item), item.Version+" is marked irreversible.")
	case item.WaitsSince != nil && m.now.Sub(*item.WaitsSince) >= setPatience:
		item.Stays(m.hasNew(*item), because("It could not be taken back for a day", item.Message))
	default:
		return true
	}
	return false
}

// isNew reports whether the item's release, or a newer one, is live.
func (m *setMachine) isNew(item SetItem) bool {
	live, ok := m.f.Live[item.Service]
	return ok && live.Spec.Seq >= item.Seq
}

// hasNew reports whether the item's stage still has the new release, as a whole:
// a rollback that failed may have left it in the middle.
func (m *setMachine) hasNew(item SetItem) bool {
	back := m.f.Deployments[item.Back]
	failed := back.State == Failed || back.State == Superseded
	return m.isNew(item) && !(failed && m.f.Live[item.Service].Deployment < back.ID)
}

func (m *setMachine) end(as SetState) {
	m.s.State, m.s.EndedAt = as, &m.now
	switch as {
	case SetSucceeded:
		m.s.Message = "All of it is live in " + m.s.Environment + "."
	case SetRolledBack:
		m.s.Message = sentences(m.s.why(), "All is as it was before")
	default:
		m.s.Message = sentences(m.s.why(), m.where())
	}
}

// why says what ended the way forward.
func (s ReleaseSet) why() string {
	switch {
	case !s.Stop.byPerson():
		return s.Stop.Reason
	case s.Ending == SetRolledBack:
		return because("Taken back by "+s.Stop.By.Name, s.Stop.Reason)
	default:
		return because("Cancelled by "+s.Stop.By.Name, s.Stop.Reason)
	}
}

// where says what is where, item by item.
func (m *setMachine) where() string {
	var parts []string
	for _, item := range m.s.Items {
		version := "nothing"
		if live, ok := m.f.Live[item.Service]; ok {
			version = live.Spec.Version
		}
		if item.State == ItemUnclear && item.Deployment != 0 {
			parts = append(parts, fmt.Sprintf("%s is unclear (see deployment %d)", item.Service, max(item.Deployment, item.Back)))
			continue
		}
		parts = append(parts, item.Service+" has "+version)
	}
	return strings.Join(parts, "; ")
}

// progress says what the set is doing.
func (m *setMachine) progress() string {
	n := func(states ...ItemState) (n int) {
		for _, item := range m.s.Items {
			if slices.Contains(states, item.State) {
				n++
			}
		}
		return n
	}
	var text []string
	switch {
	case m.s.State == SetRollingBack:
		text = append(text, m.s.why(), fmt.Sprintf("Going back, %d to go", n(ItemToRollBack, ItemRollingBack)))
	case m.s.Ending != "":
		text = append(text, m.s.why(), fmt.Sprintf("Waiting for %d under way to end", n(ItemRunning, ItemRollingBack)))
	default:
		text = append(text, fmt.Sprintf("%d of %d live", n(ItemSucceeded), len(m.s.Items)))
	}
	for _, item := range m.s.Items {
		if item.WaitsSince != nil {
			text = append(text, because(item.Service+" cannot be asked for yet", item.Message))
		}
	}
	return sentences(text...)
}
