package slipway

import (
	"fmt"
	"slices"
)

// learn brings the items up to what became of their deployments.
func (m *setMachine) learn() {
	for i := range m.s.Items {
		item := &m.s.Items[i]
		switch item.State {
		case ItemRunning:
			m.learnForward(item)
		case ItemRollingBack:
			m.learnBack(item)
		case ItemSucceeded:
			if m.s.State == SetRunning && !m.isNew(*item) {
				m.takenAway(item)
			}
		case ItemPending:
			if item.WaitsSince != nil && m.now.Sub(*item.WaitsSince) >= setPatience {
				item.Refused(because("It could not be asked for within a day", item.Message))
			}
		}
	}
}

func (m *setMachine) learnForward(item *SetItem) {
	d, ok := m.f.Deployments[item.Deployment]
	if !ok || d.State.Active() {
		return
	}
	if d.Plan.From != nil { // it may have been planned anew
		item.From = d.Plan.From.Version
	}
	item.Message = d.Message
	switch {
	case d.State == Succeeded && d.Plan.LeavesPart():
		item.State, item.Message = ItemUnclear, "It has a part of the traffic only: its stage was changed meanwhile."
	case d.State == Succeeded:
		item.State, item.Message = ItemSucceeded, ""
	case d.State == Superseded:
		m.overtaken(item, d)
	case d.asBefore():
		item.State = ItemFailed
	default:
		item.State = ItemUnclear
	}
}

// overtaken looks at what took the place of an item's deployment. To go back to
// just what was there before is what the set itself would do.
func (m *setMachine) overtaken(item *SetItem, d Deployment) {
	by := m.f.Deployments[d.SupersededBy]
	if by.Cause == CauseRollback && d.Plan.From != nil && by.Plan.To.ID() == d.Plan.From.ID() {
		item.GoesBack(by.ID)
		m.learnBack(item)
		return
	}
	item.State, item.Message = ItemUnclear, fmt.Sprintf("Deployment %d took its place.", d.SupersededBy)
}

func (m *setMachine) learnBack(item *SetItem) {
	d, ok := m.f.Deployments[item.Back]
	if !ok || d.State.Active() {
		return
	}
	if d.State == Succeeded {
		item.State, item.Message = ItemRolledBack, ""
		return
	}
	item.Stays(m.hasNew(*item), because("It could not go back", d.Message))
}

// takenAway is about an item that had got there and is there no more, while
// others that need it are still to come.
func (m *setMachine) takenAway(item *SetItem) {
	from := m.f.Deployments[item.Deployment].Plan.From
	live, ok := m.f.Live[item.Service]
	item.State, item.Message = ItemUnclear, "It is live no more."
	if ok && from != nil && live.Spec.ID() == from.ID() {
		item.State, item.Message = ItemRolledBack, "Somebody rolled it back."
	}
}

// asBefore reports whether a deployment that ended without success left the
// stage with what was live before.
func (d Deployment) asBefore() bool {
	switch d.State {
	case RolledBack, Cancelled, Rejected, Expired:
		return true
	case Failed:
		if !slices.ContainsFunc(d.Runs, func(r PhaseRun) bool { return r.Desired.Hook == nil }) {
			return true // only jobs were run before anything was to change
		}
		last := d.Runs[len(d.Runs)-1] // with nothing to go back to, the end of the way back is a failure too
		return last.Back > 0 && last.State == Done
	default:
		return false
	}
}

// Cancel has the set go no further. What is under way is taken back, what has
// got there stays.
func (s ReleaseSet) Cancel(order SetOrder) (ReleaseSet, error) {
	if s.State != SetRunning || s.Ending == SetCancelled {
		return s, Conflict(fmt.Sprintf("The set is %s and cannot be cancelled.", s.words()), "Look at it again; somebody or something was quicker.")
	}
	s.Ending, s.Stop = SetCancelled, &order
	return s, nil
}

// RollBack takes the set back, as a whole: all that was changed by it, the last
// first. What is still under way is taken back before.
func (s ReleaseSet) RollBack(order SetOrder) (ReleaseSet, error) {
	busy := s.State == SetRollingBack || s.State == SetRunning && s.Ending == SetRolledBack && s.Stop.byPerson()
	if busy || s.State == SetRolledBack {
		return s, Conflict(fmt.Sprintf("The set is %s already.", s.words()), "Look at it again; somebody or something was quicker.")
	}
	s.Stop, s.Ending = &order, SetRolledBack
	if s.State == SetRunning {
		return s, nil
	}
	s = s.turnedBack()
	if !slices.ContainsFunc(s.Items, func(i SetItem) bool { return i.State == ItemToRollBack }) {
		return s, Conflict("Nothing of this set is live, so there is nothing to go back from.", "")
	}
	return s, nil
}

// words is the state as people say it.
func (s ReleaseSet) words() string {
	switch {
	case s.State == SetRunning && s.Ending == SetCancelled:
		return "being cancelled"
	case s.State == SetRollingBack, s.State == SetRunning && s.Ending == SetRolledBack:
		return "on its way back"
	case s.State == SetRolledBack:
		return "rolled back"
	default:
		return string(s.State)
	}
}
