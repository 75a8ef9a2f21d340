package faults_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// TestClocksAreSet (F7): the clock of a portal's machine is set, and that of
// PostgreSQL, by hours and by years, ahead and back; PostgreSQL's runs at double
// speed. What waits for time to pass goes on waiting, nothing expires, and
// everything else goes on as if nothing had happened. A portal that goes by the
// clock that was set says so; one that does not, does not even notice.
func TestClocksAreSet(t *testing.T) {
	t.Parallel()
	jumps := []string{"+1h", "-1h", "+87600h", "-87600h", "+61s", "-61s", "+24h", "-24h"}
	jumps = jumps[:counts(4, len(jumps))]
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		c := newClocks(t, newWorld(t, "sqlite", 1))
		c.set(filepath.Join(c.dir, "clock"), "+0s", true, jumps...)
		c.end()
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dir := memory(t)
		c := newClocks(t, newWorldAt(t, "postgres", pgtest.NewOwn(t, fakeTime(t, dir)...).URL, 2))
		c.set(filepath.Join(c.dir, "clock"), "+0s", false, jumps...)
		if full() {
			jumps = append(jumps, "+0 x2")
		}
		c.set(filepath.Join(dir, "time"), "+0 x1", true, jumps...) // it remembers its speed
		c.end()
	})
}

// fakeTime is what makes a program believe in the time that a file says, which
// it reads again every second. Only what it asks for by name is not real: it waits
// for as long as everybody.
func fakeTime(t *testing.T, dir string) []string {
	t.Helper()
	library, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if err != nil || len(library) == 0 {
		t.Fatal("libfaketime is missing: install Debian's package libfaketime")
	}
	path := filepath.Join(dir, "time")
	for _, err := range []error{os.Chmod(dir, 0o755), os.WriteFile(path, []byte("+0"), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return []string{"LD_PRELOAD=" + library[0], "FAKETIME_TIMESTAMP_FILE=" + path, "FAKETIME_CACHE_DURATION=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"}
}

// clocks is a world whose clocks are set under a crowd at work, and under
// deployments that wait for half an hour to pass.
type clocks struct {
	*world
	crowd *crowd
	waits map[string]int64 // deployments, by service
	cases int
	said  func(int, string, ...any)
}

func newClocks(t *testing.T, w *world) *clocks {
	c := &clocks{world: w, waits: map[string]int64{}, said: reported(t, "F7", "clocks set by up to ten years; double speed", w.kind)}
	for i, r := range w.replicas {
		var more []string
		if i == 0 {
			more = []string{"SLIPWAY_TEST_CLOCK=" + filepath.Join(w.dir, "clock")}
		}
		w.ok(r.start(more...))
	}
	c.crowd = w.gather(2)
	begin := time.Now().Add(30 * time.Minute).UTC().Format(time.RFC3339)
	for name, gates := range map[string]string{
		"soaks":   "{soak: {in: dev, for: 30m}}",
		"expires": "{approval: {count: 1, expires: 30m}}",
		"begins":  "{approval: {count: 1}}",
	} {
		w.service(name, plain("gates: ["+gates+"]"))
		w.release(name, "1")
		w.live(name, "dev", "1", time.Minute)
		order := map[string]any{"environment": "prod", "version": "1"}
		if name == "begins" {
			order["at"] = begin
		}
		var d struct{ ID int64 }
		w.must("root", http.MethodPost, "services/"+name+"/deployments", order, &d)
		c.waits[name] = d.ID
	}
	w.approve(c.waits["begins"])
	return c
}

// set sets a clock by each of the offsets, looks whether anybody falls for it,
// and sets it right again.
func (c *clocks) set(clock, right string, noticed bool, offs ...string) {
	c.t.Helper()
	for _, off := range offs {
		c.cases++
		c.t.Logf("%s is set by %s", filepath.Base(clock), off)
		c.ok(os.WriteFile(clock, []byte(off), 0o644)) // #nosec G306 -- read by postgres
		if noticed {
			c.doubt(off, true)
		}
		c.crowd.all(1, time.Minute)
		c.stillWait(off)
		c.ok(os.WriteFile(clock, []byte(right), 0o644)) // #nosec G306 -- read by postgres
		c.doubt("nothing", false)
	}
}

// doubt waits until all portals say that the clock was set, or all that it is
// right.
func (c *clocks) doubt(off string, want bool) {
	c.t.Helper()
	for _, r := range c.replicas {
		c.until(30*time.Second, fmt.Sprintf("portal %d doubted a clock that was set by %s: %v", r.n, off, want), func() bool {
			return strings.Contains(r.readiness(), `"name":"clock","status":"degraded"`) == want
		})
	}
}

// stillWait looks whether those who wait for time to pass still do so. They have
// been looked at meanwhile, by every portal that fell for the clock: the crowd
// came round.
func (c *clocks) stillWait(off string) {
	c.t.Helper()
	for name, id := range c.waits {
		if d := c.get(id); d.State != slipway.Waiting {
			c.t.Errorf("with a clock set by %s the deployment of %s is %s: %s", off, name, d.State, d.Message)
		}
	}
}

// end has the auditor judge the crowd, with those who waited in its books.
func (c *clocks) end() {
	c.t.Helper()
	for _, id := range c.waits {
		c.act(id, "cancel")
	}
	c.said(c.cases, "%s", c.crowd.judged())
}
