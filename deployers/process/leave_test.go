package process

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/deployertest"
)

// seen finds a track of an observation by its version.
func seen(o deployers.Observed, version string) deployers.ObservedTrack {
	i := slices.IndexFunc(o.Tracks, func(t deployers.ObservedTrack) bool { return t.Version == version })
	if i < 0 {
		return deployers.ObservedTrack{}
	}
	return o.Tracks[i]
}

// TestWorkInProgressIsFinished takes replicas with minutes of work away by
// rolling, by the next release, by a way back and by stopping everything, with
// restarts in between. All of them finish, and nobody but the last waits.
func TestWorkInProgressIsFinished(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	first, second, third := release(t, f.dir, "1.0.0", "lingers"), release(t, f.dir, "1.1.0", "lingers"), release(t, f.dir, "1.2.0", "lingers")
	first.Replicas = 3
	f.apply(t, 1, first)
	f.converged(t, 1)
	first.Replicas = 2 // room for the next one
	f.apply(t, 2, first)
	o := f.converged(t, 2)
	if got := seen(o, "1.0.0"); got.Wanted != 2 || got.Ready != 2 || got.Draining != 1 || len(got.Addresses) != 2 ||
		!strings.HasPrefix(got.Message, "2 of 2 ready; 1 finishes its work, at most 10m") || o.Message != "2 of 2 ready; 1 of 1.0.0 finishes its work" {
		t.Errorf("one of three given up: %+v", o)
	}
	f.apply(t, 3, second)
	f.converged(t, 3)
	f.restart(t)
	f.apply(t, 4, third)
	o = f.converged(t, 4)
	if old, older := seen(o, "1.1.0"), seen(o, "1.0.0"); old.Wanted != 0 || old.Ready != 0 || old.Draining != 1 || older.Draining != 3 ||
		!strings.HasPrefix(older.Message, "3 finish their work, at most 10m") || o.Message != "1 of 1 ready; 3 of 1.0.0 finish their work; 1 of 1.1.0 finishes its work" {
		t.Errorf("two older versions finish: %+v", o)
	}
	before := f.instances(f.target)
	f.apply(t, 5, first) // the way back: who was told to end cannot be called back
	o = f.converged(t, 5)
	if got := seen(o, "1.0.0"); got.Ready != 2 || got.Draining != 3 || seen(o, "1.2.0").Draining != 1 {
		t.Errorf("gone back: %+v", o)
	}
	if now := f.instances(f.target); len(now) != 7 || !containsAll(now, before) {
		t.Errorf("running %v, then %v", before, now)
	}
	f.apply(t, 6)
	f.until(t, "everything is asked to end", func(o deployers.Observed) bool { return seen(o, "1.0.0").Draining == 5 })
	f.restart(t)
	// Who was not told yet is asked once more by whoever looks after them now.
	o = f.until(t, "all of them finish their work", func(o deployers.Observed) bool {
		return len(o.Tracks) == 3 && seen(o, "1.0.0").Wanted == 0 && seen(o, "1.0.0").Draining == 5
	})
	if o.Converged {
		t.Errorf("nothing is to run, and 7 do: %+v", o)
	}
	if finished, cut := f.ended(f.target); finished+cut > 0 {
		t.Errorf("%d finished and %d were cut before it was time", finished, cut)
	}
	f.letGo(t)
	f.converged(t, 6)
	if finished, cut := f.ended(f.target); finished != 7 || cut != 0 {
		t.Errorf("%d of 7 finished their work, %d were told twice to end", finished, cut)
	}
}

func containsAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) })
}

// TestTheTimeToFinishIsKept: SIGKILL comes when the time is over and not
// before, whoever looks after the target then; a restart does not begin anew.
func TestTheTimeToFinishIsKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	const patience = 3 * time.Second
	stubborn := release(t, f.dir, "1.0.0", "lingers")
	stubborn.Config = json.RawMessage(strings.Replace(string(stubborn.Config), `"10m"`, `"3s"`, 1))
	f.apply(t, 1, stubborn)
	f.converged(t, 1)
	records, _ := filepath.Glob(filepath.Join(targetDir(f.dir, f.target), childrenDir, "*.json"))
	if len(records) != 1 {
		t.Fatalf("one replica wanted: %v", records)
	}
	f.apply(t, 2)
	var rec record
	deployertest.Eventually(t, 10*time.Second, "it is told to end", func() (bool, string) {
		err := readJSON(records[0], &rec)
		return err == nil && !rec.Told.IsZero(), rec.Told.String()
	})
	f.restart(t)
	f.until(t, "it drains after the restart as before", func(o deployers.Observed) bool {
		return !o.Converged && seen(o, "1.0.0").Draining == 1
	})
	var again record
	if err := readJSON(records[0], &again); err != nil || !again.Told.Equal(rec.Told) {
		t.Errorf("told at %v, then at %v, %v", rec.Told, again.Told, err)
	}
	f.converged(t, 2)
	if took := time.Since(rec.Told); took < patience {
		t.Errorf("it was killed after %v, of %v", took, patience)
	}
	if finished, cut := f.ended(f.target); finished+cut != 0 {
		t.Errorf("%d finished, %d were told twice", finished, cut)
	}
	if _, err := os.Stat(records[0]); !os.IsNotExist(err) {
		t.Errorf("its record is left: %v", err)
	}
}

// TestRequestsInFlightComeFirst: as long as one is answered SIGTERM is not
// sent, but nothing new arrives.
func TestRequestsInFlightComeFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	f.apply(t, 1, release(t, f.dir, "1.0.0", ""))
	address := f.converged(t, 1).Address
	stream := startStream(address, 5*time.Second)
	f.until(t, "the stream is on its way", func(deployers.Observed) bool { return stream.begun() })
	f.apply(t, 2, release(t, f.dir, "1.1.0", ""))
	o := f.converged(t, 2)
	if old := seen(o, "1.0.0"); old.Draining != 1 || !strings.HasPrefix(old.Message, "1 finishes its work, at most 1") {
		t.Errorf("while it streams: %+v", o)
	}
	for range 50 {
		if a, err := ask(t.Context(), address); err != nil || a.Version != "1.1.0" {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	if err := stream.whole(); err != nil {
		t.Error(err)
	}
	f.until(t, "the old one is gone", func(o deployers.Observed) bool { return len(o.Tracks) == 1 })
}

// TestNothingGoesWhileTheProxyIsSilent: as long as it may send requests to a
// replica, that one is not told to end.
func TestNothingGoesWhileTheProxyIsSilent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	dir := targetDir(f.dir, f.target)
	f.apply(t, 1, with(t, release(t, f.dir, "1.0.0", ""), "drain", "0s"))
	f.converged(t, 1)
	var proxy, old record
	records, _ := filepath.Glob(filepath.Join(dir, childrenDir, "*.json"))
	if err := readJSON(filepath.Join(dir, proxyName), &proxy); err != nil || len(records) != 1 {
		t.Fatal(err, records)
	}
	proxy.signalGroup(syscall.SIGSTOP)
	defer proxy.signalGroup(syscall.SIGCONT)
	f.apply(t, 2, release(t, f.dir, "1.1.0", ""))
	deployertest.Eventually(t, 20*time.Second, "the next release is ready", func() (bool, string) {
		s, _, err := readState(dir)
		return err == nil && len(s.InEffect) == 1 && s.InEffect[0].Version == "1.1.0", fmt.Sprint(s.InEffect, err)
	})
	<-time.After(500 * time.Millisecond)
	if err := readJSON(records[0], &old); err != nil || !old.Told.IsZero() || !old.runs() {
		t.Errorf("the old replica was told at %v, %v", old.Told, err)
	}
	proxy.signalGroup(syscall.SIGCONT)
	o := f.converged(t, 2)
	if a, err := ask(t.Context(), o.Address); err != nil || a.Version != "1.1.0" {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestSitesAreTargetsOfTheirOwn: places, addresses and processes.
func TestSitesAreTargetsOfTheirOwn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, slog.New(slog.DiscardHandler))
	track := release(t, f.dir, "1.0.0", "")
	addresses := map[string]bool{}
	for i, site := range []string{"", "eu", "eu,production", "../us"} {
		f.target.Site = site
		f.apply(t, int64(9-i), track) // generations are those of the site
		o := f.converged(t, int64(9-i))
		addresses[o.Address] = true
		if a, err := ask(t.Context(), o.Address); err != nil || a.Site != site {
			t.Errorf("site %q: %+v, %v", site, a, err)
		}
	}
	if len(addresses) != 4 {
		t.Errorf("4 sites at %v", addresses)
	}
	places, _ := filepath.Glob(filepath.Join(f.dir, "targets", "*"))
	for i, place := range places {
		places[i] = filepath.Base(place)
	}
	if want := []string{"web@production", "web@production,..%2Fus", "web@production,eu", "web@production,eu%2Cproduction"}; !slices.Equal(places, want) {
		t.Errorf("places %q, want %q", places, want)
	}
	f.target.Site = "eu"
	if err := f.Destroy(t.Context(), f.target); err != nil {
		t.Fatal(err)
	}
	f.restart(t)
	if targets, err := f.Targets(); err != nil || len(targets) != 3 {
		t.Errorf("%v, %v", targets, err)
	}
}

// TestAnOlderStateIsTrueStill reads what an earlier Slipway wrote: new fields
// must change neither the hash of a desired state nor the place of a target.
func TestAnOlderStateIsTrueStill(t *testing.T) {
	t.Parallel()
	const spec = `{"id":"a","version":"1.0.0","weight":100,"replicas":1,"artifact":{"Name":"","Reference":"","Digest":""},` +
		`"config":{"replicas":1,"command":["app"],"port":0,"readiness":{"path":"/healthz","timeout":"1m0s","interval":"500ms","expect":200},` +
		`"drain":"30s","stopTimeout":"10s","workdir":"","env":null}}`
	const old = `{"target":{"Service":"web","Environment":"production"},"generation":7,` +
		`"content":"c4ca29c75dcac9ed1e35c7a4e99f1c4e155e0118f7fcaf7de5f710871d3195ab","desired":[` + spec + `],"inEffect":[` + spec + `],"port":18080}`
	var s state
	if err := json.Unmarshal([]byte(old), &s); err != nil {
		t.Fatal(err)
	}
	tg := &target{known: true, state: s}
	if !tg.inEffect() {
		t.Errorf("its content is %s, not %s", contentOf(s.InEffect), s.Content)
	}
	if dir := targetDir("/x", s.Target); dir != "/x/targets/web@production" {
		t.Errorf("its place is %s", dir)
	}
}
