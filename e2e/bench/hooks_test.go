package bench

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/server/chatops"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func signingSecret() slipway.Secret { return slipway.NewSecret("8f742231b10e8888abcd99yyyzzz85a5") }

func slackUser(person string) slipway.ChatUser {
	return slipway.ChatUser{Platform: slipway.Slack, Workspace: "T1", ID: "U" + person}
}

// chatSurface is the surface for chat as cmd/slipway makes it.
func chatSurface(p part, address string, usecases *app.App, log *slog.Logger) (*chatops.Surface, error) {
	config := chatops.Config{App: usecases, Log: log, PublicURL: address}
	if p.Chat == "" {
		return chatops.New(config)
	}
	usecases.AdminGroup = "overseers" // so that sam may freeze
	client, err := chat.NewSlack(p.Chat, slipway.NewSecret("xoxb-bench"), func(address string) (*http.Client, error) {
		return outbound.ClientFor(address, outbound.Limits{Within: 10 * time.Second, Body: 1 << 20})
	})
	if err != nil {
		return nil, err
	}
	config.Slack = &chatops.Slack{Secret: signingSecret(), Client: client, Workspaces: []string{"T1"}}
	if config.Seal, err = chat.NewSeal(bytes.Repeat([]byte{7}, 32)); err != nil {
		return nil, err
	}
	return chatops.New(config)
}

// playHooks is the least that taking a signed request in needs: the signature,
// and one row that cannot be there twice.
func playHooks(ctx context.Context, p part) error {
	db, err := openBare(p.Database, false)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `CREATE TABLE hooks (digest TEXT PRIMARY KEY, body TEXT NOT NULL)`); err != nil {
		return err
	}
	insert, err := db.PrepareContext(ctx, `INSERT INTO hooks (digest, body) VALUES ($1, $2) ON CONFLICT DO NOTHING`) //nolint:sqlclosecheck // is kept as long as the process
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+commandPath, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = chat.VerifySlack(signingSecret(), r.Header.Get("X-Slack-Request-Timestamp"), r.Header.Get("X-Slack-Signature"), body, time.Now())
		}
		if err == nil {
			_, err = insert.ExecContext(r.Context(), chat.Digest(commandPath, body), string(body))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	address, err := listenAndServe(mux)
	if err != nil {
		return err
	}
	return announce(ready{URL: address, Control: address})
}

const commandPath = "/hooks/slack/command"

// BenchmarkB10Commands sends 5,000 signed commands within ten seconds, each three
// times, and counts every acknowledgement from when its request was due. What a
// command asks for is a change with an audit entry: it is done once.
func BenchmarkB10Commands(b *testing.B) {
	for _, d := range databases() {
		b.Run(d.name, func(b *testing.B) {
			address, theirs, world := d.fresh(b), d.fresh(b), size{services: 10, perTeam: 10, only: 1}
			seed(b, address, world)
			var answers atomic.Int64
			slack := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				answers.Add(1)
			}))
			b.Cleanup(slack.Close)
			pinGenerator(b)
			portal := start(b, part{Role: "portal", Database: address, Chat: slack.URL + "/api"})
			bare := start(b, part{Role: "hooks", Database: theirs})
			conditions(b, d, world.String())
			n := count(5000, 500)
			h := &hooks{b: b, answer: slack.URL + "/hooks/", environment: world.environments()[0].Name}
			l := h.storm("limit", bare.URL, n)
			profile(b, portal, "b10-"+d.name, 15)
			a := h.storm("slipway", portal.URL, n)
			h.settled(address, n, &answers)
			b.ReportMetric(ms(percentile(a, 0.99)), "p99-ms")
			b.ReportMetric(ms(percentile(l, 0.99)), "limit-p99-ms")
			tell(b, result{"B10 " + d.name + ", " + fmt.Sprint(n) + " signed commands in 10 s, each three times: acknowledged", times(a), "signature and one insert " + times(l),
				[]string{goal(percentile(a, 0.99) <= 500*time.Millisecond, "p99 ≤500 ms"), goal(true, "1 effect each")}, ""})
		})
	}
}

type hooks struct {
	b                   *testing.B
	answer, environment string
}

// storm sends n commands three times each, evenly over ten seconds and in any
// order within a second, and returns how long each took from when it was due.
func (h *hooks) storm(name, address string, n int) []time.Duration {
	h.b.Helper()
	const times, during = 3, 10 * time.Second
	bodies := make([]string, 0, times*n)
	for i := range n {
		form := url.Values{"command": {"/slipway"}, "team_id": {"T1"}, "user_id": {"Usam"}, "user_name": {"sam"}, "channel_id": {"C1"}, "channel_name": {"deploys"},
			"text": {fmt.Sprintf("freeze %s for 1h storm %d", h.environment, i)}, "response_url": {fmt.Sprintf("%s%s%d", h.answer, name, i)}, "trigger_id": {fmt.Sprintf("%s.%d", name, i)}}
		for range times {
			bodies = append(bodies, form.Encode())
		}
	}
	for at := 0; at < len(bodies); at += len(bodies) / 10 {
		second := bodies[at:min(at+len(bodies)/10, len(bodies))]
		rand.Shuffle(len(second), func(i, j int) { second[i], second[j] = second[j], second[i] })
	}
	type request struct {
		due  time.Time
		body string
	}
	due := make(chan request, len(bodies))
	c := client()
	var mu sync.Mutex
	var took []time.Duration
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for r := range due {
				timestamp, signature := chat.SignSlack(signingSecret(), time.Now(), []byte(r.body))
				header := http.Header{"X-Slack-Request-Timestamp": {timestamp}, "X-Slack-Signature": {signature}}
				if err := post(h.b.Context(), c, address+commandPath, header, r.body, http.StatusOK); err != nil {
					h.b.Error(err)
				}
				mu.Lock()
				took = append(took, time.Since(r.due))
				mu.Unlock()
			}
		})
	}
	began, every := time.Now(), during/time.Duration(len(bodies))
	for i, body := range bodies {
		at := began.Add(time.Duration(i) * every)
		wait(h.b.Context(), time.Until(at))
		due <- request{at, body}
	}
	close(due)
	all.Wait()
	if h.b.Failed() {
		h.b.FailNow()
	}
	slices.Sort(took)
	return took
}

// settled waits until everything was done and answered, and counts it: each
// command has one freeze, one entry of the audit, one answer.
func (h *hooks) settled(address string, n int, answers *atomic.Int64) {
	h.b.Helper()
	db, err := openBare(address, true)
	if err != nil {
		h.b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	began := time.Now()
	left := func() (left int) {
		if err := db.QueryRowContext(h.b.Context(), `SELECT count(*) FROM chat_requests WHERE claimed_at IS NOT NULL`).Scan(&left); err != nil {
			h.b.Fatal(err)
		}
		return left
	}
	for left() > 0 {
		if time.Since(began) > 5*time.Minute {
			h.b.Fatalf("%d commands are not done", left())
		}
		wait(h.b.Context(), 100*time.Millisecond)
	}
	say(h.b, "all was done %.1f s after the last was sent", time.Since(began).Seconds())
	for query, want := range map[string]int{`SELECT count(*) FROM freezes`: n, `SELECT count(*) FROM audit WHERE action = 'freeze.added'`: n,
		`SELECT count(DISTINCT reason) FROM freezes`: n} {
		h.expect(db, query, want)
	}
	if got := answers.Load(); got != int64(n) {
		h.b.Fatalf("%d commands were answered %d times", n, got)
	}
}

func (h *hooks) expect(db *sql.DB, query string, want int) {
	h.b.Helper()
	var got int
	if err := db.QueryRowContext(h.b.Context(), query).Scan(&got); err != nil || got != want {
		h.b.Fatalf("%s: %d, want %d: %v", query, got, want, err)
	}
}
