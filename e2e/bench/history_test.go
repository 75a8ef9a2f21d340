package bench

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// historyVariable adds a size to those that history grows to, 5000000 say. It
// takes long, and some 5 kB of disk for each.
const historyVariable = "SLIPWAY_BENCH_HISTORY"

// BenchmarkB6History measures how pages and writes fare as deployments and audit
// entries grow in number, beside a portal that has only ten thousand of them.
func BenchmarkB6History(b *testing.B) {
	sizes := []int{count(100_000, 4_000), count(1_000_000, 8_000)}
	if text := os.Getenv(historyVariable); text != "" {
		further, err := strconv.Atoi(text)
		if err != nil {
			b.Fatalf("%s: %v", historyVariable, err)
		}
		sizes = append(sizes, further)
	}
	for _, d := range databases() {
		b.Run(d.name, func(b *testing.B) {
			base := count(10_000, 2_000)
			young, old := newPast(b, d, base), newPast(b, d, base)
			conditions(b, d, fmt.Sprintf("%s; %d deployments and as many audit entries, then %v", young.world, base, sizes))
			for _, rows := range sizes {
				old.growTo(d, rows)
				young.compare(d, old)
			}
		})
	}
}

// past is a portal with a history.
type past struct {
	*crowd
	address string
	session http.Header
	rows    int
	asked   int // counts what was asked for, so that each is another
	older   string
}

func newPast(b *testing.B, d database, rows int) *past {
	b.Helper()
	// One phase, so that the deployer is called once for each promotion.
	p := &past{crowd: crowded(b, d, size{services: 100, perTeam: 10, only: 1, steps: 1}, 1), rows: 0}
	p.address, p.session = p.part.Database, signIn(b, p.portals[0].URL, "ben")
	p.release(0) // is what the audit grows from
	p.growTo(d, rows)
	return p
}

func (p *past) growTo(d database, rows int) {
	p.b.Helper()
	grow(p.b, d, p.address, "deployments", p.world, rows-p.rows)
	grow(p.b, d, p.address, "audit", p.world, rows-p.rows)
	p.rows = rows
	list := p.portals[0].URL + "/api/v1/services/" + serviceName(7) + "/deployments?limit=50"
	p.older = list + "&cursor=" + url.QueryEscape(ask(p.b, p.client, list, bearer(p.portals[0], "ben")).Next)
}

// act is one thing that is measured.
type act struct {
	name  string
	times int
	do    func(p *past, n int) time.Duration
}

func acts() []act {
	page := func(path string) func(p *past, n int) time.Duration {
		return func(p *past, n int) time.Duration {
			return p.get(strings.ReplaceAll(path, "SERVICE", serviceName(n)), p.session)
		}
	}
	few, many := count(10, 2), count(30, 4)
	return []act{
		{"board", many, page("/")},
		{"page of a service", many, page("/s/SERVICE")},
		{"page of a stage", many, page("/s/SERVICE/dev")},
		{"page of activity", many, page("/activity")},
		{"API, 50 deployments by keyset", many, func(p *past, _ int) time.Duration {
			return p.get(strings.TrimPrefix(p.older, p.portals[0].URL), bearer(p.portals[0], "ben"))
		}},
		{"API, audit of a service", many, func(p *past, n int) time.Duration {
			return p.get("/api/v1/audit?service="+serviceName(n), bearer(p.portals[0], "ben"))
		}},
		{"release, which appends to the audit", few, (*past).release},
		{"promotion until it was claimed and the deployer called", few, (*past).claim},
	}
}

func (p *past) get(path string, header http.Header) time.Duration {
	p.b.Helper()
	body, began := &bytes.Buffer{}, time.Now()
	if err := (target{url: p.portals[0].URL + path, header: header}).fetch(p.b.Context(), p.client, body); err != nil {
		p.b.Fatal(err)
	}
	return time.Since(began)
}

func (p *past) release(n int) time.Duration {
	p.b.Helper()
	p.asked++
	body := fmt.Sprintf(`{"version":"9.0.%d","artifacts":[{"name":"app","reference":"registry.example.com/app","digest":"sha256:%s"}]}`, p.asked, strings.Repeat("ab", 32))
	began := time.Now()
	err := post(p.b.Context(), p.client, p.portals[0].URL+"/api/v1/services/"+serviceName(n)+"/releases", bearer(p.portals[0], "jonas"), body, http.StatusCreated)
	if err != nil {
		p.b.Fatal(err)
	}
	return time.Since(began)
}

func (p *past) claim(n int) time.Duration {
	p.b.Helper()
	began := time.Now()
	if err := p.promote(p.b.Context(), n); err != nil {
		p.b.Fatal(err)
	}
	a := &approvals{b: p.b, client: p.client}
	called := a.at(p.portals[0].Control + "/applied?service=" + serviceName(n)).Sub(began)
	p.settled(n)
	return called
}

// compare does everything in turns here and on the portal with more history.
func (p *past) compare(d database, old *past) {
	p.b.Helper()
	for i, a := range acts() {
		round := func(p *past) func() float64 {
			nth := 0
			return func() float64 {
				took := make([]time.Duration, 0, a.times)
				for range a.times {
					// The last team's services are others', see furnish.
					took = append(took, a.do(p, nth%90))
					nth++
				}
				slices.Sort(took)
				return ms(percentile(took, 0.5))
			}
		}
		_, _ = round(p)(), round(old)() // warm
		grown, base, ratio := beside(round(old), round(p))
		p.b.ReportMetric(ratio.median, fmt.Sprintf("ratio-%d-of-%d", i+1, old.rows))
		tell(p.b, result{fmt.Sprintf("B6 %s, %s, with %d deployments and audit entries, p50", d.name, a.name, old.rows), grown.format(1) + " ms",
			fmt.Sprintf("with %d: %s ms, ratio %s", p.rows, base.format(1), ratio.format(2)), []string{goal(ratio.median <= 1.2, "≤1.2×")}, validity(p.b, grown, base)})
	}
}
