package slipway_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Whatever is done to a mark, a version that was closed once stays closed: the
// only ones that open are those written to lift it.
func TestWhatIsClosedStaysClosed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var m slipway.SecretMark
		newest := 0
		closed := map[int]bool{} // by version: nobody may ever see it
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"restrict", "write", "lift"}).Draw(t, "step") {
			case "restrict":
				m.Restricted = true
			case "write": // with the old value or with one for nobody to see
				newest++
			case "lift":
				newest++
				if lifted, ok := m.Lifted(newest); ok != (m.Pending <= newest) {
					t.Fatalf("lifted %v with %d pending at %d", ok, m.Pending, newest)
				} else if ok {
					m = lifted
				}
			}
			if m.Restricted && rapid.Bool().Draw(t, "somebody sets out to write") {
				m.Pending = newest + rapid.IntRange(1, 3).Draw(t, "ahead")
			}
			for v := 1; v <= newest; v++ {
				if closed[v] && !m.Closed(v) {
					t.Fatalf("version %d was closed and is open: %+v", v, m)
				}
				closed[v] = m.Closed(v)
			}
			if m.Closed(0) != m.Restricted {
				t.Fatalf("the newest of %+v", m)
			}
		}
	})
}
