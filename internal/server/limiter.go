package server

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter bounds requests per address, in bounded memory. Forgetting an
// address would give it a fresh allowance, so one is forgotten only when it has
// all of its allowance back anyway. If there is no such address, the table is
// full of busy ones, and all newcomers share one allowance.
type limiter struct {
	mu       sync.Mutex
	rate     rate.Limit
	burst    int
	refill   time.Duration // from empty to full
	capacity int
	known    map[string]*list.Element
	order    *list.List // most recently seen first
	others   *rate.Limiter
}

type allowance struct {
	address string
	bucket  *rate.Limiter
	seen    time.Time
}

func newLimiter(c RateLimit) *limiter {
	return &limiter{
		rate: rate.Limit(c.PerSecond), burst: c.Burst, capacity: c.Addresses,
		refill: time.Duration(float64(c.Burst) / c.PerSecond * float64(time.Second)),
		known:  map[string]*list.Element{}, order: list.New(),
		others: rate.NewLimiter(rate.Limit(c.PerSecond), c.Burst),
	}
}

// allow takes one request from the allowance of an address.
func (l *limiter) allow(address string, now time.Time) bool {
	key := networkOf(address)
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.known[key]; ok {
		a := e.Value.(*allowance)
		a.seen = now
		l.order.MoveToFront(e)
		return a.bucket.AllowN(now, 1)
	}
	if len(l.known) >= l.capacity && !l.forgetOldest(now) {
		return l.others.AllowN(now, 1)
	}
	a := &allowance{address: key, bucket: rate.NewLimiter(l.rate, l.burst), seen: now}
	l.known[key] = l.order.PushFront(a)
	return a.bucket.AllowN(now, 1)
}

// forgetOldest removes the address that was quiet for longest, if that was
// long enough.
func (l *limiter) forgetOldest(now time.Time) bool {
	e := l.order.Back()
	a := e.Value.(*allowance)
	if now.Sub(a.seen) < l.refill {
		return false
	}
	l.order.Remove(e)
	delete(l.known, a.address)
	return true
}

// networkOf is what counts as one caller: an IPv4 address, or an IPv6 network
// of 64 bits, of which anybody has as many addresses as they like.
func networkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return "unknown"
	}
	return network.String()
}
