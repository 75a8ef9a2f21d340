package bench

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/store"
)

func clicks() int { return count(10, 3) } // of each arm in each round

func loadedClicks() int { return count(60, 10) }

const loadedWrites = 200 // per second

// BenchmarkB4Approve measures from the click on "Approve" until the deployer is
// called: what somebody who waits for production waits for.
func BenchmarkB4Approve(b *testing.B) {
	for _, d := range databases() {
		b.Run(d.name, func(b *testing.B) {
			address, queue, floor := d.fresh(b), d.fresh(b), d.fresh(b)
			world := size{services: 2*pairs()*clicks() + loadedClicks() + 2}
			seed(b, address, world)
			migrate(b, queue)
			pinGenerator(b)
			portal := start(b, part{Role: "portal", Database: address})
			bare := start(b, part{Role: "bare", Database: address, Queue: queue, Floor: floor})
			conditions(b, d, world.String())
			a := &approvals{b: b, name: d.name, portal: portal, bare: bare, client: client(), session: signIn(b, portal.URL, "ben")}
			a.prepare(world.services)
			profile(b, portal, "b4-"+d.name, 10)
			a.measure()
			a.underLoad()
		})
	}
}

func migrate(b testing.TB, address string) {
	b.Helper()
	s, err := store.Open(b.Context(), store.Config{URL: address})
	if err == nil {
		err = s.Migrate(b.Context())
	}
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
}

// deployment is what the REST surface says of one.
type deployment struct {
	ID    int64             `json:"id"`
	State string            `json:"state"`
	Plan  string            `json:"plan"`
	Gates []json.RawMessage `json:"gates"`
}

type listing struct {
	Items []deployment `json:"items"`
	Next  string       `json:"next"`
}

type approvals struct {
	b            *testing.B
	name         string
	portal, bare child
	client       *http.Client
	session      http.Header
	waiting      []deployment // by number of the service
	used         int
}

func ask(b *testing.B, c *http.Client, address string, header http.Header) (l listing) {
	b.Helper()
	body := &bytes.Buffer{}
	if err := (target{url: address, header: header}).fetch(b.Context(), c, body); err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(body.Bytes(), &l); err != nil || len(l.Items) == 0 {
		b.Fatalf("%s: %v %.300s", address, err, body.String())
	}
	return l
}

// send posts and returns the answer; anything but want ends the benchmark.
func (a *approvals) send(address string, header http.Header, kind, body string, want int) string {
	a.b.Helper()
	request, err := http.NewRequestWithContext(a.b.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		a.b.Fatal(err)
	}
	request.Header = header.Clone()
	request.Header.Set("Content-Type", kind)
	response, err := a.client.Do(request)
	if err != nil {
		a.b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		a.b.Fatalf("%s: %s, want %d: %v %.500s", address, response.Status, want, err, answer)
	}
	return string(answer)
}

const (
	jsonKind = "application/json"
	formKind = "application/x-www-form-urlencoded"
)

// prepare has one person ask for production for every service, and waits until
// all gates were judged.
func (a *approvals) prepare(services int) {
	token := bearer(a.portal, "jonas")
	for n := range services {
		var d deployment
		answer := a.send(a.portal.URL+"/api/v1/services/"+serviceName(n)+"/deployments", token, jsonKind,
			fmt.Sprintf(`{"environment":"production","version":%q}`, versions()[1]), http.StatusAccepted)
		if err := json.Unmarshal([]byte(answer), &d); err != nil {
			a.b.Fatal(err)
		}
		a.waiting = append(a.waiting, d)
	}
	for n := range services {
		address := fmt.Sprintf("%s/api/v1/services/%s/deployments?state=waiting", a.portal.URL, serviceName(n))
		for ask(a.b, a.client, address, token).Items[0].Gates == nil || len(ask(a.b, a.client, address, token).Items[0].Gates) == 0 {
			wait(a.b.Context(), 5*time.Millisecond)
		}
	}
}

// approve clicks once and returns the time until the deployer was called.
func (a *approvals) approve(browser bool) time.Duration {
	n := a.used
	a.used++
	d := a.waiting[n]
	header, address, kind := bearer(a.portal, "ben"), fmt.Sprintf("%s/api/v1/deployments/%d/approve", a.portal.URL, d.ID), jsonKind
	body, want := fmt.Sprintf(`{"plan":%q}`, d.Plan), http.StatusOK
	if browser {
		header, address, kind = a.session.Clone(), fmt.Sprintf("%s/gates/%d/approve", a.portal.URL, d.ID), formKind
		header.Set("Origin", a.portal.URL)
		header.Set("Sec-Fetch-Site", "same-origin")
		body, want = url.Values{"plan": {d.Plan}, "idempotency_key": {rand.Text()}}.Encode(), http.StatusSeeOther
	}
	clicked := time.Now()
	answer := a.send(address, header, kind, body, want)
	if !browser && !strings.Contains(answer, d.Plan) {
		a.b.Fatalf("approved %s and got %s", d.Plan, answer)
	}
	return a.at(a.portal.Control + "/applied?service=" + serviceName(n)).Sub(clicked)
}

// at reads a time that a child tells, when it has come.
func (a *approvals) at(address string) time.Time {
	a.b.Helper()
	body := &bytes.Buffer{}
	if err := (target{url: address}).fetch(a.b.Context(), a.client, body); err != nil {
		a.b.Fatal(err)
	}
	return a.stamp(body.String())
}

func (a *approvals) stamp(text string) time.Time {
	nanos, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		a.b.Fatalf("%q is no time", text)
	}
	return time.Unix(0, nanos)
}

func (a *approvals) beside(path string) time.Duration {
	clicked := time.Now()
	return a.stamp(a.send(a.bare.URL+path, http.Header{}, formKind, "id="+rand.Text(), http.StatusOK)).Sub(clicked)
}

// measure clicks in turns with the floor and the bare job.
func (a *approvals) measure() {
	arms := []struct {
		name string
		once func() time.Duration
	}{
		{"floor", func() time.Duration { return a.beside("/floor") }},
		{"river", func() time.Duration { return a.beside("/river") }},
		{"rest", func() time.Duration { return a.approve(false) }},
		{"browser", func() time.Duration { return a.approve(true) }},
	}
	all, medians := map[string][]time.Duration{}, map[string][]float64{}
	for range 2 { // warm
		arms[0].once()
		arms[1].once()
	}
	arms[2].once()
	arms[3].once()
	for range pairs() {
		for _, arm := range arms {
			var round []time.Duration
			for range clicks() {
				round = append(round, arm.once())
				wait(a.b.Context(), 20*time.Millisecond) // a click is seldom hard upon another
			}
			slices.Sort(round)
			all[arm.name] = append(all[arm.name], round...)
			medians[arm.name] = append(medians[arm.name], ms(percentile(round, 0.5)))
		}
	}
	var spreads []spread
	for _, arm := range arms {
		slices.Sort(all[arm.name])
		s := spreadOf(medians[arm.name])
		spreads = append(spreads, s)
		a.b.ReportMetric(ms(percentile(all[arm.name], 0.5)), arm.name+"-p50-ms")
		a.b.ReportMetric(ms(percentile(all[arm.name], 0.99)), arm.name+"-p99-ms")
		say(a.b, "B4 %s %-7s: %s; medians of %d rounds %s", a.name, arm.name, times(all[arm.name]), pairs(), s.format(1))
	}
	a.judge(all, validity(a.b, spreads...))
}

func (a *approvals) judge(all map[string][]time.Duration, verdict string) {
	floor, bare := percentile(all["floor"], 0.5), percentile(all["river"], 0.5)
	for _, door := range []string{"rest", "browser"} {
		p50, p99 := percentile(all[door], 0.5), percentile(all[door], 0.99)
		goals := []string{goal(p99 <= 60*time.Millisecond, "≤60 ms")}
		if a.name == "postgres" {
			goals = []string{goal(p50 <= 10*time.Millisecond, "p50 ≤10 ms"), goal(p99 <= 50*time.Millisecond, "p99 ≤50 ms"),
				goal(p50 <= 5*floor, "≤5× floor"), goal(p50-bare <= 3*time.Millisecond, "within 3 ms of the bare job")}
		}
		tell(a.b, result{"B4 " + a.name + ", " + door, times(all[door]), fmt.Sprintf("floor %.1f, bare River job %.1f ms", ms(floor), ms(bare)), goals, verdict})
	}
}

// underLoad clicks while releases are made known at a steady rate: each is a
// release, an audit entry and an event in one transaction.
func (a *approvals) underLoad() {
	service := serviceName(len(a.waiting) - 1)
	stop, token := make(chan struct{}), bearer(a.portal, "jonas")
	var writers sync.WaitGroup
	due := make(chan int, 10_000)
	written := make(chan struct{}, 100_000)
	for range 8 {
		writers.Go(func() {
			for i := range due {
				body := fmt.Sprintf(`{"version":"9.%s.%d","artifacts":[{"name":"app","reference":"registry.example.com/app","digest":"sha256:%s"}]}`, a.name, i, strings.Repeat("ab", 32))
				a.send(a.portal.URL+"/api/v1/services/"+service+"/releases", token, jsonKind, body, http.StatusCreated)
				written <- struct{}{}
			}
		})
	}
	began := time.Now()
	writers.Go(func() {
		defer close(due)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case due <- i:
				wait(a.b.Context(), time.Until(began.Add(time.Duration(i+1)*time.Second/loadedWrites)))
			}
		}
	})
	var took []time.Duration
	for i := range loadedClicks() {
		took = append(took, a.approve(i%2 == 0))
		wait(a.b.Context(), 30*time.Millisecond)
	}
	rate := float64(len(written)) / time.Since(began).Seconds()
	close(stop)
	writers.Wait()
	slices.Sort(took)
	a.b.ReportMetric(ms(percentile(took, 0.5)), "loaded-p50-ms")
	a.b.ReportMetric(ms(percentile(took, 0.99)), "loaded-p99-ms")
	tell(a.b, result{fmt.Sprintf("B4 %s under %.0f writes/s (asked for %d)", a.name, rate, loadedWrites), times(took), "", nil, ""})
}
