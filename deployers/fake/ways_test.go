package fake_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
)

type scripted struct {
	*testing.T
	*fake.Deployer
	target deployers.Target
}

func newScripted(t *testing.T, o fake.Options) scripted {
	return scripted{T: t, Deployer: fake.New(o), target: deployers.Target{Service: "web", Environment: "staging"}}
}

func (s scripted) script(version string, how fake.Script) {
	s.Helper()
	if err := s.SetScript(s.Context(), s.target, version, how); err != nil {
		s.Fatal(err)
	}
}

// apply wants two replicas of the version, or nothing.
func (s scripted) apply(generation int64, version ...string) error {
	d := deployers.Desired{Generation: generation}
	for _, v := range version {
		d.Tracks = append(d.Tracks, deployers.Track{ID: v, Version: v, Replicas: 2, Weight: 100})
	}
	return s.Apply(s.Context(), s.target, d)
}

// seen observes once: "g2 converged 1:0/2+2" is version 1 with 2 ready of none
// wanted and 2 draining.
func (s scripted) seen() string {
	s.Helper()
	o, err := s.Observe(s.Context(), s.target)
	if err != nil {
		s.Fatal(err)
	}
	text := fmt.Sprintf("g%d", o.Generation)
	if o.Converged {
		text += " converged"
	}
	for _, t := range o.Tracks {
		text += fmt.Sprintf(" %s:%d/%d", t.Version, t.Ready, t.Wanted)
		if t.Draining > 0 {
			text += fmt.Sprintf("+%d", t.Draining)
		}
	}
	return text
}

func (s scripted) sees(want ...string) {
	s.Helper()
	for _, w := range want {
		if got := s.seen(); got != w {
			s.Errorf("observed %q, want %q", got, w)
		}
	}
}

// TestScriptedDraining: what was given up is seen for as many observations as
// scripted, and only an empty state waits for it.
func TestScriptedDraining(t *testing.T) {
	t.Parallel()
	s := newScripted(t, fake.Options{Dir: t.TempDir()})
	s.script("1", fake.Script{DrainFor: 3})
	s.script("2", fake.Script{DrainFor: 1, ReadyAfter: 1})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.apply(1, "1"))
	s.sees("g1 converged 1:2/2")
	must(s.apply(2, "2"))
	s.sees("g2 2:0/2 1:2/0", "g2 converged 2:2/2 1:0/0+2")
	must(s.apply(3, "1")) // the same track again: started anew
	if names, err := s.Instances(t.Context(), s.target); err != nil || len(names) != 6 {
		t.Errorf("2 of 1 start, 2 finish, and 2 still serves: %v, %v", names, err)
	}
	s.sees("g3 converged 1:2/2+2 2:0/0+2", "g3 converged 1:2/2+2", "g3 converged 1:2/2")
	must(s.apply(4))
	s.sees("g4 1:0/0+2", "g4 1:0/0+2", "g4 1:0/0+2", "g4 converged")
}

// TestLostCalls: nobody can tell a lost call from a lost reply, until the fake
// sees again. The second call is taken.
func TestLostCalls(t *testing.T) {
	t.Parallel()
	ledger := filepath.Join(t.TempDir(), "ledger")
	s := newScripted(t, fake.Options{Dir: t.TempDir(), Ledger: ledger, AtMostOnce: true})
	if !s.Capabilities().AtMostOnce || fake.New(fake.Options{}).Capabilities().AtMostOnce {
		t.Error("at most once is not what was asked for")
	}
	s.script("2", fake.Script{LoseReply: true, BlindFor: 2})
	s.script("3", fake.Script{LoseCall: true})
	if err := s.apply(1, "1"); err != nil {
		t.Fatal(err)
	}
	s.sees("g1 converged 1:2/2")
	lost := s.apply(2, "2")
	if lost == nil || deployers.IsTerminal(lost) {
		t.Errorf("a lost reply: %v", lost)
	}
	s.sees("g1 converged 1:2/2", "g1 converged 1:2/2", "g2 converged 2:2/2")
	if err := s.apply(3, "3"); err == nil || err.Error() != lost.Error() {
		t.Errorf("a lost call: %v", err)
	}
	s.sees("g2 converged 2:2/2", "g2 converged 2:2/2", "g2 converged 2:2/2")
	if err := s.apply(3, "3"); err != nil {
		t.Errorf("the second call: %v", err)
	}
	s.sees("g3 converged 3:2/2")
	if got := whats(t, ledger); got != "applied applied lost applied" {
		t.Errorf("ledger: %s", got)
	}
}

// TestSitesInTheLedger: each site is fenced, scripted and recorded by itself.
func TestSitesInTheLedger(t *testing.T) {
	t.Parallel()
	ledger := filepath.Join(t.TempDir(), "ledger")
	s := newScripted(t, fake.Options{Dir: t.TempDir(), Ledger: ledger})
	s.script("1", fake.Script{ApplyTerminal: "closed everywhere else"})
	s.target.Site = "us"
	s.script("1", fake.Script{})
	generation := int64(9)
	for _, site := range []string{"us", "eu", ""} {
		s.target.Site = site
		err := s.apply(generation, "1")
		if (err != nil) != (site != "us") {
			t.Errorf("site %q: %v", site, err)
		}
		generation--
	}
	entries, err := fake.ReadLedger(ledger)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%s %q %d %s", e.Key, e.Site, e.Generation, e.What))
		if e.Time.IsZero() {
			t.Errorf("an entry without a time: %+v", e)
		}
	}
	want := []string{`web/staging/us/9 "us" 9 applied`, `web/staging/eu/8 "eu" 8 failed`, `web/staging/7 "" 7 failed`}
	if !slices.Equal(got, want) {
		t.Errorf("ledger\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestInventedPreview: an address that nobody can have, while a track is shown.
func TestInventedPreview(t *testing.T) {
	t.Parallel()
	s := newScripted(t, fake.Options{})
	s.target.Site = "eu"
	tracks := []deployers.Track{{ID: "1", Version: "1", Replicas: 1, Weight: 100}, {ID: "2", Version: "2", Replicas: 1, Preview: true}}
	for generation, want := range []string{"", "http://eu.web.staging.preview.invalid", ""} {
		tracks[1].Preview = want != ""
		if err := s.Apply(t.Context(), s.target, deployers.Desired{Generation: int64(generation), Tracks: tracks}); err != nil {
			t.Fatal(err)
		}
		if o, err := s.Observe(t.Context(), s.target); err != nil || !o.Converged || o.Preview != want {
			t.Errorf("%+v, %v, want the preview at %q", o, err, want)
		}
	}
	tracks[0].Preview, tracks[1].Preview = true, true
	if err := s.Apply(t.Context(), s.target, deployers.Desired{Generation: 9, Tracks: tracks}); !deployers.IsTerminal(err) {
		t.Errorf("two previews: %v", err)
	}
}
