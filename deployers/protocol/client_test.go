package protocol_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/protocol"
)

// other is the other side, in the words that it would print.
type other struct {
	mu     sync.Mutex
	offer  string
	answer func(protocol.Request) string
	asked  []protocol.Call
}

func (o *other) Ask(_ context.Context, call protocol.Call, request []byte, mask protocol.Mask, live func(protocol.Log)) (protocol.Answer, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, call)
	text := o.offer
	if call != protocol.Capabilities {
		var r protocol.Request
		if err := json.Unmarshal(request, &r); err != nil {
			return protocol.Answer{}, err
		}
		text = o.answer(r)
	}
	return protocol.ReadAnswer(strings.NewReader(text), mask, live)
}

func result(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return `{"result":` + string(raw) + "}\n"
}

func offer(calls ...protocol.Call) string {
	return result(protocol.Offer{APIVersion: protocol.Version, Summary: "of a test", Secrets: true, Calls: calls})
}

var target = deployers.Target{Service: "billing", Environment: "test", Site: "eu"}

func TestADeployerThatAnswersLate(t *testing.T) {
	t.Parallel()
	o := &other{answer: func(protocol.Request) string { return result(protocol.Observed{At: time.Unix(1, 0), Converged: true}) }}
	c := protocol.New(o, protocol.Options{Name: "till"})
	for _, wrong := range []string{"", "no JSON", `{"error":{"message":"starting"}}`, `{"result":{"apiVersion":"other/v2","summary":"x"}}`,
		`{"result":{"apiVersion":"slipway.deployer/v1"}}`} {
		o.offer = wrong
		if _, err := c.Observe(t.Context(), target); err == nil || deployers.IsTerminal(err) {
			t.Errorf("%s: nothing may be asked of it yet, got %v", wrong, err)
		}
		if got := c.Capabilities().Summary; !strings.HasPrefix(got, "does not answer: deployer till") {
			t.Errorf("%s: %q", wrong, got)
		}
	}
	if len(o.asked) != 5 {
		t.Errorf("it was asked %v", o.asked)
	}
	o.offer = offer()
	if _, err := c.Observe(t.Context(), target); err != nil || c.Capabilities().Summary != "of a test" {
		t.Errorf("it answers now: %v, %q", err, c.Capabilities().Summary)
	}
	o.offer = "changed its mind"
	if _, err := c.Observe(t.Context(), target); err != nil || len(o.asked) != 8 {
		t.Errorf("it was asked again what it can do: %v, %v", o.asked, err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	o := &other{offer: offer()}
	c := protocol.New(o, protocol.Options{Name: "till"})
	o.answer = func(protocol.Request) string {
		return `{"error":{"message":"no","code":"stale-generation","newest":9}}`
	}
	err := c.Apply(t.Context(), target, deployers.Desired{Generation: 7})
	if want := deployers.StaleGeneration(7, 9).Error(); err == nil || err.Error() != want || !deployers.IsTerminal(err) {
		t.Errorf("got %v, wanted %s", err, want)
	}
	asked := len(o.asked)
	broken := deployers.Desired{Generation: 7, Tracks: []deployers.Track{{Version: "1.0.0", Config: json.RawMessage(`{"a`)}}}
	if err := c.Apply(t.Context(), target, broken); !deployers.IsTerminal(err) || len(o.asked) != asked {
		t.Errorf("a config that is no JSON was sent: %v", err)
	}
	o.answer = func(protocol.Request) string { return result(protocol.Observed{Converged: true}) }
	if _, err := c.Observe(t.Context(), target); err == nil || !strings.Contains(err.Error(), "no time") {
		t.Errorf("an observation without a time: %v", err)
	}
	o.answer = func(protocol.Request) string { return result(protocol.Validated{}) }
	if _, problems := c.Validate(json.RawMessage(`{}`)); len(problems) != 1 || !strings.Contains(problems[0].Message, "0 replicas") {
		t.Errorf("no replicas and no problem: %v", problems)
	}
}

func TestSecretsAreRemembered(t *testing.T) {
	t.Parallel()
	const secret, prepared = "s3cret-value", "s3cret-value stays as it is in here"
	o := &other{offer: offer(protocol.Logs)}
	o.answer = func(r protocol.Request) string {
		switch r.Call {
		case protocol.Preview:
			return result(protocol.Previewed{Text: "with " + secret, Prepared: []byte(prepared)})
		case protocol.Observe:
			return result(protocol.Observed{At: time.Unix(1, 0), Message: "uses " + secret, Tracks: []protocol.ObservedTrack{{Message: secret}},
				Failure: &protocol.Failure{Reason: "refused " + secret}})
		case protocol.Logs:
			return result(protocol.Logged{Lines: []protocol.Log{{Text: secret + " printed"}}, Next: "1"})
		}
		return `{"log":{"text":"` + secret + `"}}` + "\n" + result(struct{}{})
	}
	c := protocol.New(o, protocol.Options{Name: "till"})
	d := deployers.Desired{Tracks: []deployers.Track{{Secrets: map[string]deployers.Secret{"A": deployers.NewSecret(secret)}}}}
	if p, err := c.Preview(t.Context(), target, d); err != nil || p.Text != "with ***" || string(p.Prepared) != prepared {
		t.Errorf("%+v, %v", p, err)
	}
	if err := c.Apply(t.Context(), target, d); err != nil {
		t.Fatal(err)
	}
	seen, err := c.Observe(t.Context(), target)
	if err != nil || seen.Message != "uses ***" || seen.Tracks[0].Message != "***" || seen.Failure.Reason != "refused ***" {
		t.Errorf("%+v, %v", seen, err)
	}
	lines, _, err := c.Logs(t.Context(), target, "", 10)
	if err != nil || len(lines) != 2 || lines[0].Text != "***" || lines[1].Text != "*** printed" {
		t.Errorf("%+v, %v", lines, err)
	}
}

// TestACursorGoesFromPortalToPortal: two portals read the lines of one run, each
// with its own, in turn.
func TestACursorGoesFromPortalToPortal(t *testing.T) {
	t.Parallel()
	portals := map[string]*protocol.Client{}
	for _, name := range []string{"a", "b"} {
		portals[name] = protocol.New(&other{offer: offer(), answer: func(protocol.Request) string {
			return `{"log":{"text":"by ` + name + `"}}` + "\n" + result(struct{}{})
		}}, protocol.Options{Name: "till"})
	}
	cursor, read := "", []string{}
	for _, who := range []string{"a", "b", "a", "a", "b"} {
		if err := portals[who].Apply(t.Context(), target, deployers.Desired{}); err != nil {
			t.Fatal(err)
		}
		lines, next, err := portals[who].Logs(t.Context(), target, cursor, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			read = append(read, l.Text)
		}
		cursor = next
	}
	if got := strings.Join(read, ", "); got != "by a, by b, by a, by a, by b" {
		t.Errorf("read %s", got)
	}
}

// TestAWayIsAskedWithoutSecrets, and only of who offers the call.
func TestAWayIsAskedWithoutSecrets(t *testing.T) {
	t.Parallel()
	o := &other{offer: offer(), answer: func(r protocol.Request) string {
		if r.Call != protocol.CheckWay || len(r.Way) != 2 || r.Way[1].Generation != 3 || r.Way[1].Tracks[0].Secrets != nil || r.Target.Site != "eu" {
			return fmt.Sprintf(`{"error":{"message":"asked %+v"}}`, r.Call)
		}
		return `{"error":{"message":"the till waits at 25 %","terminal":true}}`
	}}
	way := []deployers.Desired{{Generation: 2}, {Generation: 3, Tracks: []deployers.Track{{ID: "a", Version: "2",
		Secrets: map[string]deployers.Secret{"KEY": deployers.NewSecret("hush-hush-9")}}}}}
	c := protocol.New(o, protocol.Options{Name: "till"})
	if err := c.CheckWay(t.Context(), target, way); err != nil || c.ChecksWays() || len(o.asked) != 1 {
		t.Errorf("who does not offer it: %v, asked %v", err, o.asked)
	}
	o.offer = offer(protocol.CheckWay)
	c = protocol.New(o, protocol.Options{Name: "till"})
	if err := c.CheckWay(t.Context(), target, way); !deployers.IsTerminal(err) || !strings.Contains(err.Error(), "the till waits at 25 %") || !c.ChecksWays() {
		t.Errorf("who does: %v", err)
	}
}
