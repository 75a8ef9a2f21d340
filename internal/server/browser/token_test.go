package browser

import (
	"slices"
	"testing"

	"github.com/slipway-dev/slipway/web/component"
)

// TestOneTokenForEachRelease: it stands at the furthest station, and a station
// without a release has none.
func TestOneTokenForEachRelease(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ versions, at []string }{
		"spread":         {[]string{"1.2", "1.1", "1.0"}, []string{"1.2", "1.1", "1.0"}},
		"gone on":        {[]string{"1.2", "1.2", "1.0"}, []string{"", "1.2", "1.0"}},
		"everywhere":     {[]string{"1.2", "1.2", "1.2"}, []string{"", "", "1.2"}},
		"never released": {[]string{"1.2", "", ""}, []string{"1.2", "", ""}},
	} {
		stations, want := make([]component.Station, len(c.versions)), make([]string, len(c.at))
		for i, v := range c.versions {
			stations[i].Version = v
			if c.at[i] != "" {
				want[i] = tokens([]component.Station{{Version: c.at[i]}})[0].Token
			}
		}
		got := make([]string, len(stations))
		for i, s := range tokens(stations) {
			got[i] = s.Token
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
