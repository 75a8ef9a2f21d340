package browser

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
)

func setPath(n int64) string { return "/sets/" + id(n) }

// setState is the glyph and the word of a set. Where the deployments are known,
// one that waits for people shows as that.
func setState(s slipway.ReleaseSet, deployments map[int64]slipway.Deployment) (state component.State, progress int, word string) {
	done := 0
	for _, i := range s.Items {
		if i.State == slipway.ItemSucceeded {
			done++
		}
	}
	progress = 100 * done / max(1, len(s.Items))
	switch s.State {
	case slipway.SetRunning:
		for _, i := range s.Items {
			if d := deployments[i.Deployment]; i.State == slipway.ItemRunning && d.State == slipway.Waiting && needs(d) != "" {
				return component.Waiting, progress, "waits for people"
			}
		}
		if s.Ending != "" {
			return component.Rolling, progress, "winding up"
		}
		return component.Rolling, progress, "rolling"
	case slipway.SetRollingBack:
		return component.Rolling, progress, "going back"
	case slipway.SetSucceeded:
		return component.Live, 100, "succeeded"
	case slipway.SetRolledBack:
		return component.RolledBack, 0, "rolled back"
	case slipway.SetFailed:
		return component.Failed, 0, "failed"
	default:
		return component.None, 0, string(s.State)
	}
}

func itemState(s slipway.ItemState) (component.State, string) {
	switch s {
	case slipway.ItemPending:
		return component.None, "its turn comes later"
	case slipway.ItemRunning:
		return component.Rolling, "rolling"
	case slipway.ItemSucceeded:
		return component.Live, "live"
	case slipway.ItemFailed:
		return component.Failed, "did not get there, as before"
	case slipway.ItemSkipped:
		return component.None, "was not asked for, as before"
	case slipway.ItemToRollBack:
		return component.Live, "live, to go back"
	case slipway.ItemRollingBack:
		return component.Rolling, "going back"
	case slipway.ItemRolledBack:
		return component.RolledBack, "rolled back"
	case slipway.ItemKept:
		return component.Failed, "could not go back"
	default:
		return component.Unknown, "not clear what is there"
	}
}

// inOrder sorts the items of a set as they go: each after those it depends on,
// else as they were given.
func inOrder(items []slipway.SetItem) []slipway.SetItem {
	var out []slipway.SetItem
	there := map[string]bool{}
	for left := slices.Clone(items); len(left) > 0; {
		i := slices.IndexFunc(left, func(item slipway.SetItem) bool {
			return !slices.ContainsFunc(item.After, func(name string) bool { return !there[name] })
		})
		i = max(i, 0) // no circle is ever kept
		there[left[i].Service] = true
		out, left = append(out, left[i]), slices.Delete(left, i, i+1)
	}
	return out
}

// listed joins names as people do: "a, b and c".
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
