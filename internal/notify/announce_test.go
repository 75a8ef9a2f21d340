package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// said is one message in the stand-in for Slack, as it reads now.
type said struct {
	ts, channel, thread, text string
	edits                     int
}

// slackStandIn keeps messages as Slack does, and refuses what Slack refuses. It is
// spoken to by the client that speaks to Slack.
type slackStandIn struct {
	*httptest.Server
	mu       sync.Mutex
	messages []*said
	lose     int // answers that get lost after the message was posted
	times    []time.Time
	clock    func() time.Time
}

func newSlack(t *testing.T, clock func() time.Time) (*slackStandIn, *chat.Slack) {
	t.Helper()
	s := &slackStandIn{clock: clock}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { s.serve(t, w, q) }))
	t.Cleanup(s.Close)
	client, err := chat.NewSlack(s.URL, slipway.NewSecret("xoxb-token"), func(string) (*http.Client, error) { return s.Client(), nil })
	must(t, err)
	return s, client
}

func (s *slackStandIn) serve(t *testing.T, w http.ResponseWriter, q *http.Request) {
	var body struct {
		Channel, TS, Text string
		ThreadTS          string `json:"thread_ts"`
		Blocks            []struct{ Type string }
	}
	if err := json.NewDecoder(q.Body).Decode(&body); err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := func(v map[string]any) { _ = json.NewEncoder(w).Encode(v) }
	if q.Header.Get("Authorization") != "Bearer xoxb-token" {
		answer(map[string]any{"ok": false, "error": "invalid_auth"})
		return
	}
	if len(body.Blocks) == 0 || len(body.Blocks) > 50 || body.Text == "" || !strings.HasPrefix(body.Channel, "C") && !strings.HasPrefix(body.Channel, "U") && !strings.HasPrefix(body.Channel, "#") {
		answer(map[string]any{"ok": false, "error": "channel_not_found"})
		return
	}
	switch q.URL.Path {
	case "/chat.postMessage":
		m := &said{ts: "17.000" + itoa(int64(len(s.messages)+1)), channel: body.Channel, thread: body.ThreadTS, text: body.Text}
		s.messages = append(s.messages, m)
		if s.lose > 0 {
			s.lose--
			panic(http.ErrAbortHandler) // posted, and nobody learns of it
		}
		answer(map[string]any{"ok": true, "ts": m.ts, "channel": m.channel})
	case "/chat.update":
		for _, m := range s.messages {
			if m.ts == body.TS {
				m.text, m.edits = body.Text, m.edits+1
				s.times = append(s.times, s.clock())
				answer(map[string]any{"ok": true, "ts": m.ts})
				return
			}
		}
		answer(map[string]any{"ok": false, "error": "message_not_found"})
	}
}

// parents are the messages that are in no thread.
func (s *slackStandIn) parents() (out []said) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if m.thread == "" {
			out = append(out, *m)
		}
	}
	return out
}

func (s *slackStandIn) threads() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if m.thread != "" {
			n++
		}
	}
	return n
}

// recorded wraps a poster and keeps the whole messages that went through it.
type recorded struct {
	notify.Poster
	mu   sync.Mutex
	last map[string]chat.Message // by thread, and "" for parents
}

func (p *recorded) Post(ctx context.Context, channel, thread string, m chat.Message) (string, error) {
	p.keep(thread, m)
	return p.Poster.Post(ctx, channel, thread, m)
}

func (p *recorded) Update(ctx context.Context, channel, id string, m chat.Message) error {
	p.keep("", m)
	return p.Poster.Update(ctx, channel, id, m)
}

func (p *recorded) keep(thread string, m chat.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if thread != "" {
		thread = "thread"
	}
	p.last[thread] = m
}

func (p *recorded) text(where string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	m := p.last[where]
	for _, l := range m.Lines {
		out = append(out, l.Text)
	}
	return m.Title + "\n" + strings.Join(out, "\n") + "\n" + m.Footer
}

func (r *rig) announcer(p notify.Poster) *notify.Announcer {
	r.t.Helper()
	seal, err := chat.NewSeal([]byte(strings.Repeat("k", 32)))
	must(r.t, err)
	return &notify.Announcer{Store: r.store, Feed: r.store, Posters: map[slipway.ChatPlatform]notify.Poster{slipway.Slack: p}, Seal: seal, PublicURL: source, Clock: r.clock, Log: slog.New(slog.DiscardHandler)}
}

func (r *rig) announce(d slipway.Deployment) {
	r.t.Helper()
	must(r.t, r.Announce(r.ctx, ana, d.ID, slipway.Place{Platform: slipway.Slack, Workspace: "T1", Channel: "C1"}))
}

func (r *rig) announcement(d slipway.Deployment) (out slipway.Announcement) {
	r.t.Helper()
	must(r.t, r.store.Read(r.ctx, func(tx slipway.Tx) error {
		all, err := tx.Announcements().Of(r.ctx, d.ID)
		if err == nil {
			out = all[0]
		}
		return err
	}))
	return out
}

// TestOnePublicMessage: of a deployment there is one message, edited in place no
// more often than every two seconds, with its details in the thread and the way
// back in its last line, however many replicas speak at once.
func TestOnePublicMessage(t *testing.T) {
	t.Parallel()
	for name, url := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onePublicMessage(t, newRigOn(t, url(t)))
		})
	}
}

func onePublicMessage(t *testing.T, r *rig) {
	t.Helper()
	slack, client := newSlack(t, r.clock)
	poster := &recorded{Poster: client, last: map[string]chat.Message{}}
	replicas := []*notify.Announcer{r.announcer(poster), r.announcer(poster), r.announcer(poster)}
	speak := func() {
		t.Helper()
		var all sync.WaitGroup
		for _, a := range replicas {
			all.Go(func() {
				if err := a.Speak(r.ctx); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	d := r.deployment()
	r.announce(d)
	r.announce(d)
	speak()
	speak()
	same(t, "messages", len(slack.parents()), 1)
	buttons := poster.last[""].Buttons
	if len(buttons) != 3 || buttons[0].ID != "approve" || !strings.Contains(buttons[2].URL, "/gates/") {
		t.Errorf("its buttons are %+v", buttons)
	}
	started := r.clock()
	d = r.to(d, slipway.Running)
	speak() // too early: nothing is said before its time
	same(t, "edits", slack.parents()[0].edits, 0)
	r.after(2 * time.Second)
	speak()
	same(t, "edits", slack.parents()[0].edits, 1)
	if !strings.Contains(poster.text("thread"), "It is running.") {
		t.Errorf("the thread says %s", poster.text("thread"))
	}
	for range 5 { // and nothing is said twice
		r.after(2 * time.Second)
		speak()
	}
	same(t, "edits", slack.parents()[0].edits, 1)
	same(t, "messages of the thread", slack.threads(), 1)
	r.after(time.Minute)
	d.StartedAt = &started
	d.State, d.Message = slipway.Succeeded, "1.42.0 is live."
	ended := r.clock()
	d.EndedAt, d.NextWakeAt = &ended, nil
	r.write(func(tx slipway.Tx) (err error) {
		d, err = tx.Deployments().Save(r.ctx, d)
		return err
	})
	r.event("deployment.succeeded", d)
	speak()
	final := poster.text("")
	for _, want := range []string{"billing-api 1.42.0 → production", "Took 1 min 12 s. To roll back:", "\n/slipway rollback billing-api production 1.41.2\n", "\nslipway rollback billing-api production --to 1.41.2\n"} {
		if !strings.Contains(final, want) {
			t.Errorf("the last word lacks %q: %s", want, final)
		}
	}
	r.after(time.Hour)
	speak()
	same(t, "edits at the end", slack.parents()[0].edits, 2)
	if a := r.announcement(d); a.NextAt != nil || a.Fault != "" {
		t.Errorf("it has said its last, and looks on: %+v", a)
	}
	slack.mu.Lock()
	defer slack.mu.Unlock()
	for i := 1; i < len(slack.times); i++ {
		if slack.times[i].Sub(slack.times[i-1]) < 2*time.Second {
			t.Error("it is edited too often")
		}
	}
}

// TestALostFirstMessage: the answer to the first message is lost. It is said once
// more, and the second one says that it is; a no that is clear brings no second.
func TestALostFirstMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	slack, client := newSlack(t, r.clock)
	poster := &recorded{Poster: client, last: map[string]chat.Message{}}
	a := r.announcer(poster)
	slack.lose = 1
	d := r.deployment()
	r.announce(d)
	must(t, a.Speak(r.ctx))
	if is := r.announcement(d); is.Message != "" || is.Fault == "" || is.NextAt == nil {
		t.Errorf("the answer was lost, and it is %+v", is)
	}
	r.after(10 * time.Second)
	must(t, a.Speak(r.ctx))
	if parents := slack.parents(); len(parents) != 2 || !strings.Contains(poster.text(""), "may be the second message") {
		t.Errorf("%d messages, the last: %s", len(parents), poster.text(""))
	}
}

// mute reaches nobody.
type mute struct{ err error }

func (m mute) Post(context.Context, string, string, chat.Message) (string, error) {
	return "", m.err
}
func (m mute) Update(context.Context, string, string, chat.Message) error { return m.err }
func (m mute) Direct(context.Context, string) (string, error)             { return "", m.err }

func TestNoSecondMessageAfterAClearNo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		again bool
	}{
		"too much":   {&chat.RateLimitedError{After: 5 * time.Second}, true},
		"no channel": {&chat.RefusedError{Platform: slipway.Slack, Call: "chat.postMessage", Why: "channel_not_found"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			d := r.deployment()
			r.announce(d)
			must(t, r.announcer(mute{c.err}).Speak(r.ctx))
			is := r.announcement(d)
			if (is.NextAt != nil) != c.again || is.Fault == "" || is.Shown != "" {
				t.Fatalf("it is %+v", is)
			}
			slack, client := newSlack(t, r.clock)
			poster := &recorded{Poster: client, last: map[string]chat.Message{}}
			r.after(time.Minute)
			must(t, r.announcer(poster).Speak(r.ctx))
			if n := len(slack.parents()); (n == 1) != c.again || strings.Contains(poster.text(""), "second message") {
				t.Errorf("%d messages: %s", n, poster.text(""))
			}
		})
	}
}

// TestAKilledSpeaker: who dies between saying it and writing it down leaves a claim.
// Nobody speaks before that has run out, and then says that it may be the second.
func TestAKilledSpeaker(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	slack, client := newSlack(t, r.clock)
	poster := &recorded{Poster: client, last: map[string]chat.Message{}}
	d := r.deployment()
	r.announce(d)
	killed := &killed{Store: r.store}
	dies := r.announcer(client)
	dies.Store = killed
	if err := dies.Speak(r.ctx); !errors.Is(err, errKilled) {
		t.Fatalf("it lives: %v", err)
	}
	same(t, "messages", len(slack.parents()), 1)
	r.after(20 * time.Second)
	must(t, r.announcer(poster).Speak(r.ctx))
	same(t, "messages while it is claimed", len(slack.parents()), 1)
	r.after(20 * time.Second)
	must(t, r.announcer(poster).Speak(r.ctx))
	if n := len(slack.parents()); n != 2 || !strings.Contains(poster.text(""), "may be the second message") {
		t.Errorf("%d messages: %s", n, poster.text(""))
	}
	r.after(20 * time.Second)
	must(t, r.announcer(poster).Speak(r.ctx))
	same(t, "messages in the end", len(slack.parents()), 2)
}

var errKilled = errors.New("killed")

// killed is the store of a process that dies after its first write.
type killed struct {
	slipway.Store
	writes int
}

func (k *killed) Write(ctx context.Context, f func(slipway.Tx) error) error {
	if k.writes++; k.writes > 1 {
		return errKilled
	}
	return k.Store.Write(ctx, f)
}

// TestRoutesToChat: a route leads to a channel, and says what to do there if the
// channel will not have it.
func TestRoutesToChat(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	slack, client := newSlack(t, r.clock)
	n := r.notifier()
	n.Senders[slipway.ToSlack] = notify.Chat{Poster: client}
	r.route(app.AddNotificationRoute{Name: "good", Kinds: []string{"deployment.failed"}, To: slipway.Destination{Channel: slipway.ToSlack, Address: "#releases"}})
	r.route(app.AddNotificationRoute{Name: "bad", Kinds: []string{"deployment.failed"}, To: slipway.Destination{Channel: slipway.ToSlack, Address: "nowhere"}})
	r.event("deployment.failed", r.deployment())
	must(t, n.Plan(r.ctx))
	for _, d := range r.deliveries(slipway.DeliveryFilter{}) {
		must(t, n.Deliver(r.ctx, d.ID))
	}
	routes, err := r.NotificationRoutes(r.ctx, ana)
	must(t, err)
	if p := slack.parents(); len(p) != 1 || !strings.Contains(p[0].text, "billing-api in production") || routes[0].Health.FailingSince != nil {
		t.Errorf("it reads %+v, %+v", p, routes[0].Health)
	}
	if h := routes[1].Health; h.FailingSince == nil || !strings.Contains(h.Error, "Slack says channel_not_found. Invite Slipway to nowhere") {
		t.Errorf("the other one is %+v", h)
	}
}
