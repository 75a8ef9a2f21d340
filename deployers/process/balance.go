package process

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/deployers"
)

// routes is what the deployer tells its proxy: who may receive requests. What
// is left out when empty keeps the routes equal to those of an older proxy.
type routes struct {
	Port        int          `json:"port"`
	PreviewPort int          `json:"previewPort,omitempty"` // serves only the Preview track
	Reason      string       `json:"reason"`                // shown when nobody may
	Tracks      []routeTrack `json:"tracks"`
}

type routeTrack struct {
	ID       string            `json:"id"`
	Weight   int               `json:"weight"`
	Match    []deployers.Match `json:"match,omitempty"`
	Preview  bool              `json:"preview,omitempty"`
	Replicas []routeReplica    `json:"replicas"` // ready ones only
}

type routeReplica struct {
	ID   string `json:"id"`
	Port int    `json:"port"`
}

// preview reports whether a track answers at the preview address.
func (r routes) preview() bool {
	return slices.ContainsFunc(r.Tracks, func(t routeTrack) bool { return t.Preview })
}

// needs says what a proxy has to understand for these routes, see proxySpeaks.
func (r routes) needs() int {
	if r.PreviewPort != 0 || slices.ContainsFunc(r.Tracks, func(t routeTrack) bool { return len(t.Match) > 0 }) {
		return 1
	}
	return 0
}

// balancer chooses a replica per request: the first track that a match of the
// request names, otherwise one by smooth weighted round robin, so that 75/25 is
// A A B A and not a burst; and within the track the replica with the fewest
// requests in flight.
type balancer struct {
	mu       sync.Mutex
	tracks   []*balTrack
	replicas map[string]*replica // also removed ones that still have requests
	reason   string
}

type balTrack struct {
	routeTrack

	current  int
	next     int // where the search for the least busy begins: breaks ties in turn
	replicas []*replica
}

type replica struct {
	id       string
	host     string
	inFlight int
	routed   bool
}

func newBalancer() *balancer {
	return &balancer{replicas: map[string]*replica{}, reason: "nothing is deployed here yet"}
}

// set replaces the routes. Once it returns no request is given to a replica
// that is not listed; those that it already has go on.
func (b *balancer) set(r routes) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, old := range b.replicas {
		old.routed = false
		if old.inFlight == 0 {
			delete(b.replicas, id)
		}
	}
	b.reason, b.tracks = r.Reason, nil
	for _, t := range r.Tracks {
		track := &balTrack{routeTrack: t}
		for _, one := range t.Replicas {
			known := b.replicas[one.ID]
			if known == nil {
				known = &replica{id: one.ID, host: net.JoinHostPort("127.0.0.1", strconv.Itoa(one.Port))}
				b.replicas[one.ID] = known
			}
			known.routed = true
			track.replicas = append(track.replicas, known)
		}
		b.tracks = append(b.tracks, track)
	}
}

// pick takes a replica for a request that was not tried yet, and counts it; nil
// with a reason if there is none. Each pick is followed by one release. With
// preview the request came to the preview address.
func (b *balancer) pick(r *http.Request, preview bool, tried map[string]bool) (*replica, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var track *balTrack
	if preview {
		track = b.first(func(t *balTrack) bool { return t.Preview })
		if track == nil {
			return nil, "no release is shown at the preview address now"
		}
		if track.leastBusy(tried) == nil {
			return nil, "no replica of the release at the preview address is ready"
		}
	} else if track = b.first(func(t *balTrack) bool { return matches(t.Match, r) }); track == nil || track.leastBusy(tried) == nil {
		if track = b.weighted(tried); track == nil {
			return nil, b.reason
		}
	}
	chosen := track.leastBusy(tried)
	track.next++
	chosen.inFlight++
	return chosen, ""
}

func (b *balancer) first(is func(*balTrack) bool) *balTrack {
	if i := slices.IndexFunc(b.tracks, is); i >= 0 {
		return b.tracks[i]
	}
	return nil
}

// weighted takes the track whose turn it is.
func (b *balancer) weighted(tried map[string]bool) *balTrack {
	var best *balTrack
	total := 0
	for _, t := range b.tracks {
		if t.Weight == 0 || t.leastBusy(tried) == nil {
			continue
		}
		t.current += t.Weight
		total += t.Weight
		if best == nil || t.current > best.current {
			best = t
		}
	}
	if best != nil {
		best.current -= total
	}
	return best
}

// matches reports whether the request carries the value of any one match. Both
// the parser and Values put names of headers into one spelling.
func matches(some []deployers.Match, r *http.Request) bool {
	return slices.ContainsFunc(some, func(m deployers.Match) bool {
		if m.Cookie != "" {
			return slices.ContainsFunc(r.CookiesNamed(m.Cookie), func(c *http.Cookie) bool { return c.Value == m.Value })
		}
		if strings.EqualFold(m.Header, "Host") {
			return r.Host == m.Value // net/http keeps it apart
		}
		return slices.Contains(r.Header.Values(m.Header), m.Value)
	})
}

func (t *balTrack) leastBusy(tried map[string]bool) *replica {
	var best *replica
	for i := range t.replicas {
		r := t.replicas[(t.next+i)%len(t.replicas)]
		if !tried[r.id] && (best == nil || r.inFlight < best.inFlight) {
			best = r
		}
	}
	return best
}

func (b *balancer) release(r *replica) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.inFlight--
	if r.inFlight == 0 && !r.routed {
		delete(b.replicas, r.id)
	}
}

// inFlight counts the requests per replica, removed ones included.
func (b *balancer) inFlight() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	counts := map[string]int{}
	for id, r := range b.replicas {
		counts[id] = r.inFlight
	}
	return counts
}

// shares says how many percent of the requests each track gets now: a track
// without a replica gives its part to the others.
func (r routes) shares() map[string]int {
	total := 0
	for _, t := range r.Tracks {
		if len(t.Replicas) > 0 {
			total += t.Weight
		}
	}
	shares := map[string]int{}
	for _, t := range r.Tracks {
		if len(t.Replicas) > 0 && total > 0 {
			shares[t.ID] = (t.Weight*100 + total/2) / total
		}
	}
	return shares
}
