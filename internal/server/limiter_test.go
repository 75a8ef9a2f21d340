package server

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/time/rate"
	"pgregory.net/rapid"
)

// A table that forgets must never allow what one that remembers everything
// would not, except out of the one allowance that newcomers share when it is
// full.
func TestABoundedTableForgetsNobodyWhoIsLimited(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		config := RateLimit{PerSecond: 2, Burst: rapid.IntRange(1, 5).Draw(t, "burst"), Addresses: rapid.IntRange(1, 4).Draw(t, "capacity")}
		bounded := newLimiter(config)
		everything := map[string]*rate.Limiter{}
		shared := rate.NewLimiter(rate.Limit(config.PerSecond), config.Burst)
		now := time.Unix(1_790_000_000, 0)
		for range rapid.IntRange(1, 300).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "ms")) * time.Millisecond)
			address := fmt.Sprintf("192.0.2.%d", rapid.IntRange(1, 8).Draw(t, "address"))
			if everything[address] == nil {
				everything[address] = rate.NewLimiter(rate.Limit(config.PerSecond), config.Burst)
			}
			allowed := bounded.allow(address, now)
			if len(bounded.known) > config.Addresses || bounded.order.Len() != len(bounded.known) {
				t.Fatalf("%d addresses are kept, %d in order, %d may be", len(bounded.known), bounded.order.Len(), config.Addresses)
			}
			want := shared
			if bounded.known[address] != nil {
				want = everything[address]
			}
			if expected := want.AllowN(now, 1); allowed != expected {
				t.Fatalf("%s at %v: allowed %v, want %v", address, now, allowed, expected)
			}
		}
	})
}

func TestAFloodOfAddressesDoesNotFreeALimitedOne(t *testing.T) {
	t.Parallel()
	l := newLimiter(RateLimit{PerSecond: 1, Burst: 3, Addresses: 100})
	now := time.Unix(1_790_000_000, 0)
	for range 3 {
		l.allow("192.0.2.1", now)
	}
	passed := 0
	for i := range 10_000 {
		if l.allow(fmt.Sprintf("10.0.%d.%d", i/256, i%256), now) {
			passed++
		}
	}
	if l.allow("192.0.2.1", now) {
		t.Error("the limited address was forgotten and began anew")
	}
	if want := 99 + 3; passed != want { // one each for those with a place, then the shared allowance
		t.Errorf("%d of the flood passed, want %d", passed, want)
	}
	if !l.allow("192.0.2.99", now.Add(3*time.Second)) || len(l.known) > 100 {
		t.Error("a quiet address did not make room")
	}
}

func TestOneIPv6NetworkIsOneCaller(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "": "unknown", "nonsense": "unknown",
	} {
		if got := networkOf(address); got != want {
			t.Errorf("%q is %q, want %q", address, got, want)
		}
	}
}
