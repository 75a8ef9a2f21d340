package faults_test

import (
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestPartition (F11): the line between a portal and its database, or between it
// and a deployer, falls silent: both ways, one way, or for good although it looks
// open. Where it is cut the kernel drops the packets, so that nothing is even
// acknowledged; else they arrive, and nobody reads them. The other portal goes on
// meanwhile; afterwards the first is ready again, and nothing was done twice (I1,
// I3, I5).
func TestPartition(t *testing.T) {
	t.Parallel()
	said := reported(t, "F11", "lines to PostgreSQL and to a deployer fall silent", "postgres")
	w := newWorld(t, "postgres", 2)
	cutOff := w.replicas[0]
	base, err := url.Parse(w.url)
	w.ok(err)
	kernel, host := newDrop(t), "127.0.0.1"
	if kernel != nil {
		host = dropAddress
	}
	database, far := newWire(t, host, base.Host), newWire(t, host, strings.TrimPrefix(w.far.url, "http://"))
	base.Host = database.address
	cutOff.public = base.String()
	w.ok(cutOff.start("SLIPWAY_TEST_FAR=http://" + far.address))
	w.ok(w.replicas[1].start())
	w.front = w.replicas[1].url()
	c, random := w.gather(3), seeded(t)
	faults := []struct {
		wire        *wire
		there, back bool // which way nothing goes
		cut         bool
		neverMended bool
		untilOthers int64 // rounds of everybody else
	}{
		{wire: database, there: true, back: true, cut: true, untilOthers: 2},
		{wire: far, there: true, back: true, cut: true, untilOthers: 1},
		{wire: database, there: true, cut: true, untilOthers: 2},
		{wire: far, back: true, cut: true, untilOthers: 1},
		{wire: database, back: true, untilOthers: 2},
		{wire: far, there: true, untilOthers: 1},
		{wire: database, there: true, back: true, neverMended: true, untilOthers: 2},
	}
	cases := counts(len(faults), 200)
	var slowest time.Duration
	for n := range cases {
		f := faults[n%len(faults)]
		<-time.After(time.Duration(random.Int64N(int64(300 * time.Millisecond))))
		if f.cut && kernel != nil {
			kernel.silence(f.wire, f.there, f.back)
			c.all(f.untilOthers, time.Minute)
			kernel.mend()
		} else {
			f.wire.silence(f.there, f.back)
			c.all(f.untilOthers, time.Minute)
			f.wire.mend(f.neverMended)
		}
		began := time.Now()
		if err := cutOff.ready(20 * time.Second); err != nil {
			t.Error(err)
		}
		slowest = max(slowest, time.Since(began))
	}
	found := c.judged()
	if database.carried == 0 || far.carried == 0 {
		t.Error("nothing went over the lines: that proves nothing")
	}
	if kernel != nil && !kernel.dropped() {
		t.Error("no packet was dropped, on one way or both: that proves nothing")
	}
	said(cases, "ready again within %v of the end at most; %s", slowest.Round(time.Millisecond), found)
}

// wire is a line between two that can fall silent, either way, without anybody
// being told.
type wire struct {
	address string

	mu          sync.Mutex
	changed     *sync.Cond
	there, back bool // silent
	carried     int
	open        map[net.Conn]bool
}

func newWire(t *testing.T, host, target string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{address: listener.Addr().String(), open: map[net.Conn]bool{}}
	w.changed = sync.NewCond(&w.mu)
	t.Cleanup(func() { _ = listener.Close(); w.mend(true) })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go w.connect(near, target)
		}
	}()
	return w
}

func (w *wire) connect(near net.Conn, target string) {
	w.mu.Lock()
	for w.there { // a SYN that nobody answers; here it looks accepted
		w.changed.Wait()
	}
	w.mu.Unlock()
	far, err := net.Dial("tcp", target)
	if err != nil {
		_ = near.Close()
		return
	}
	w.mu.Lock()
	w.open[near], w.open[far] = true, true
	w.carried++
	w.mu.Unlock()
	go w.carry(far, near, &w.there)
	w.carry(near, far, &w.back)
}

// carry hands on what comes, and holds it back while the way is silent.
func (w *wire) carry(to, from net.Conn, silent *bool) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		for *silent && w.open[from] {
			w.changed.Wait()
		}
		lost := !w.open[from]
		if err != nil || lost {
			delete(w.open, from)
		}
		w.mu.Unlock()
		if lost {
			return
		}
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

func (w *wire) silence(there, back bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.there, w.back = there, back
}

// mend lets what was held back arrive; or, if it never does, ends the lines of
// before.
func (w *wire) mend(never bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.there, w.back = false, false
	if never {
		for conn := range w.open {
			_ = conn.Close()
		}
		clear(w.open)
	}
	w.changed.Broadcast()
}
