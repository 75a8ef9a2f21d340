// Package checks asks the outside world on behalf of deployments: does the new
// release answer, are its figures good, does another system agree. It makes one
// measurement or one probe at a time and counts nothing: what a row of them
// means is the domain's business. Nothing here ever fails; what cannot be asked
// is an answer, too, with the reason in words.
package checks

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Jobs runs the jobs of checks. slipway.Jobs is one.
type Jobs interface {
	Start(ctx context.Context, o slipway.JobOrder) error
	Status(ctx context.Context, key string) (slipway.JobReport, error)
}

// Provenance checks the signed statements of a release. It never fails: what
// cannot be checked is slipway.Unknown, with the reason.
type Provenance interface {
	Verify(ctx context.Context, g slipway.ProvenanceGate, r slipway.Release) (result slipway.Result, reason string)
}

// Config is what checks and gates are asked with. All members may be left out:
// what would need them is then an error or unknown, and says so.
type Config struct {
	Outbound      *outbound.Dialer // default: public addresses only
	Expressions   *Expressions     // default: its own
	Jobs          Jobs
	Provenance    Provenance
	Prometheus    Prometheus
	WebhookSecret Secret // signs what external gates send
}

// Checks implements slipway.Checker and slipway.Prober. It is safe for
// concurrent use.
type Checks struct {
	out         *outbound.Dialer
	expressions *Expressions
	jobs        Jobs
	provenance  Provenance
	secret      Secret
	providers   map[string]*source // by the name that checks use
}

// New checks the configuration; it calls nobody.
func New(c Config) (*Checks, error) {
	k := &Checks{out: c.Outbound, expressions: c.Expressions, jobs: c.Jobs, provenance: c.Provenance,
		secret: c.WebhookSecret, providers: map[string]*source{}}
	if k.out == nil {
		k.out = outbound.New(nil)
	}
	if k.expressions == nil {
		x, err := NewExpressions()
		if err != nil {
			return nil, err
		}
		k.expressions = x
	}
	if c.Prometheus.URL != "" {
		s, err := newSource(c.Prometheus)
		if err != nil {
			return nil, fmt.Errorf("the address of Prometheus %w", err)
		}
		k.providers[providerPrometheus] = s
	}
	return k, nil
}

// defaultWithin is how long an answer may take that has no limit of its own.
const defaultWithin = slipway.Duration(10 * time.Second)

// Measure makes one measurement.
func (k *Checks) Measure(ctx context.Context, c slipway.Check, s slipway.CheckSubject) slipway.Measurement {
	var m slipway.Measurement
	switch {
	case c.HTTP != nil:
		m = k.askHTTP(ctx, *c.HTTP, s)
	case c.TCP != nil:
		m = k.askTCP(ctx, *c.TCP, s)
	case c.Job != nil:
		m = k.askJob(ctx, *c.Job, s)
	case c.Metric != nil:
		m = k.askMetric(ctx, *c.Metric, s)
	default:
		m = erred("This version of Slipway does not know checks of this kind.")
	}
	m.At, m.Message = s.Now, short(m.Message)
	return m
}

// within is ctx with the time limit of one answer, and that limit as it is in
// force: the caller's own may be nearer.
func within(ctx context.Context, limit slipway.Duration) (context.Context, slipway.Duration, context.CancelFunc) {
	limit = cmp.Or(limit, defaultWithin)
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, slipway.Duration(time.Until(end).Round(100*time.Millisecond)))
	}
	inner, cancel := context.WithTimeout(ctx, time.Duration(limit))
	return inner, limit, cancel
}

func passed(format string, args ...any) slipway.Measurement {
	return slipway.Measurement{Outcome: slipway.OutcomePass, Message: fmt.Sprintf(format, args...)}
}

func failed(format string, args ...any) slipway.Measurement {
	return slipway.Measurement{Outcome: slipway.OutcomeFail, Message: fmt.Sprintf(format, args...)}
}

func erred(format string, args ...any) slipway.Measurement {
	return slipway.Measurement{Outcome: slipway.OutcomeError, Message: fmt.Sprintf(format, args...)}
}

// maxMessage bounds what is kept of words that others sent, in bytes.
const maxMessage = 400

// short makes one printable line of a text from anywhere.
func short(text string) string {
	text = strings.ToValidUTF8(text, "?")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 }), " ")
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage-3], "") + "..."
}
