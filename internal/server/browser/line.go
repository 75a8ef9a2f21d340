package browser

import (
	"strconv"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
)

// line draws the stations of a service in order, with the releases that lie
// between two of them.
func line(prefix string, stages []slipway.Stage, columns []string, at func(environment string) stop) []component.Station {
	staged := map[string]bool{}
	for _, s := range stages {
		staged[s.Environment] = true
	}
	stations := make([]component.Station, len(columns))
	var before *component.Station
	var from slipway.StageState
	for i, environment := range columns {
		if !staged[environment] {
			stations[i] = component.Station{Environment: environment, Absent: true}
			continue
		}
		here := at(environment)
		stations[i] = here.station(prefix)
		if before != nil {
			ahead(before, from, here.state)
		}
		before, from = &stations[i], here.state
	}
	return stations
}

// ahead counts the releases that one station has and the next has not.
func ahead(st *component.Station, from, to slipway.StageState) {
	if from.Live == nil || to.Live == nil {
		return
	}
	if n := from.Live.Spec.Seq - to.Live.Spec.Seq; n > 0 {
		st.Ahead = "+" + strconv.FormatInt(n, 10)
		st.AheadTitle = plural(int(n), "release") + " ahead of " + to.Environment
	}
}
