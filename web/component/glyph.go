package component

import "strconv"

// ring is the dash pattern of a circle that is progress per cent full. A run that
// has just begun shows a sliver, or it would look like an empty ring.
func ring(progress int) string {
	return strconv.Itoa(min(max(progress, 8), 100)) + " 100"
}

func glyphName(s State) string {
	switch s {
	case Live, Rolling, Waiting, Failed, RolledBack, Frozen, Unknown:
		return string(s)
	default:
		return string(None)
	}
}
