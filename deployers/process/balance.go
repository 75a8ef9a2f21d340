package process

import (
	"net"
	"strconv"
	"sync"
)

// routes is what the deployer tells its proxy: who may receive requests.
type routes struct {
	Port   int          `json:"port"`
	Reason string       `json:"reason"` // shown when nobody may
	Tracks []routeTrack `json:"tracks"`
}

type routeTrack struct {
	ID       string         `json:"id"`
	Weight   int            `json:"weight"`
	Replicas []routeReplica `json:"replicas"` // ready ones only
}

type routeReplica struct {
	ID   string `json:"id"`
	Port int    `json:"port"`
}

// balancer chooses a replica per request: the track by smooth weighted round
// robin, so that 75/25 is A A B A and not a burst, and within the track the
// replica with the fewest requests in flight.
type balancer struct {
	mu       sync.Mutex
	tracks   []*balTrack
	replicas map[string]*replica // also removed ones that still have requests
	reason   string
}

type balTrack struct {
	id       string
	weight   int
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
		track := &balTrack{id: t.ID, weight: t.Weight}
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

// pick takes a replica that was not tried yet, and counts the request; nil
// with a reason if there is none. Each pick is followed by one release.
func (b *balancer) pick(tried map[string]bool) (*replica, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var best *balTrack
	total := 0
	for _, t := range b.tracks {
		if t.weight == 0 || t.leastBusy(tried) == nil {
			continue
		}
		t.current += t.weight
		total += t.weight
		if best == nil || t.current > best.current {
			best = t
		}
	}
	if best == nil {
		return nil, b.reason
	}
	best.current -= total
	chosen := best.leastBusy(tried)
	best.next++
	chosen.inFlight++
	return chosen, ""
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
