// Package chattest is Slack and Mattermost as far as Slipway meets them, for
// tests: they sign what they send, time what is acknowledged, and refuse what
// the real ones refuse.
package chattest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// What Slack holds an app to.
const (
	ackWithin   = 3 * time.Second
	triggerFor  = 3 * time.Second
	answersEach = 5
	answersFor  = 30 * time.Minute
)

// Where Slack sends what people do.
const (
	CommandPath     = "/hooks/slack/command"
	InteractivePath = "/hooks/slack/interactive"
)

// Slack is a stand-in for Slack with one workspace and one app.
type Slack struct {
	URL       string // of its Web API
	Secret    slipway.Secret
	Token     string
	Workspace string
	Portal    string // where the app is; set it before anybody writes

	t  testing.TB
	mu sync.Mutex
	n  int
	// now is the clock that requests are signed by.
	now      func() time.Time
	asked    map[string]*Asked    // by the id in the address to answer to
	triggers map[string]time.Time // not used yet
	posts    []*Post
	views    []View
	limited  int // calls that are still to be answered with "too many"
	hold     *held
}

// held are answers that nobody takes.
type held struct {
	came chan struct{} // closed when the first has come
	once sync.Once
	over chan struct{}
}

// Answer is something said to one person.
type Answer struct {
	Words   string
	Replace bool
	Buttons []Element
}

// Button is the one that says something; the test fails without it.
func (a Answer) Button(t testing.TB, says string) Element {
	t.Helper()
	for _, b := range a.Buttons {
		if strings.HasPrefix(label(b), says) {
			return b
		}
	}
	t.Fatalf("no button says %q in\n%s", says, a.Words)
	return Element{}
}

// Asked is something that somebody did, with what was answered.
type Asked struct {
	Status int
	Took   time.Duration
	Body   string // of the acknowledgement

	began   time.Time
	answers chan Answer
	count   int
}

// Post is a message in a channel.
type Post struct {
	ID, Channel, Thread string
	Words               string
	Buttons             []Element
	Edits               int
	EditedAt            []time.Time
}

// View is a dialog that was opened.
type View struct {
	State    string
	Callback string
	Trigger  string
}

// NewSlack starts it; now is the clock it signs by.
func NewSlack(t testing.TB, now func() time.Time) *Slack {
	t.Helper()
	s := &Slack{t: t, Secret: slipway.NewSecret("8f742231b10e8888abcd99yyyzzz85a5"), Token: "xoxb-test", Workspace: "T1", now: now,
		asked: map[string]*Asked{}, triggers: map[string]time.Time{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/chat.postMessage", s.postMessage)
	mux.HandleFunc("POST /api/chat.update", s.update)
	mux.HandleFunc("POST /api/views.open", s.open)
	mux.HandleFunc("POST /hooks/{id}", s.answer)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.NotFound(w, r)
		t.Errorf("Slack has no %s %s", r.Method, r.URL.Path)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.URL = server.URL + "/api"
	return s
}

func (s *Slack) next(prefix string) string {
	s.n++
	return prefix + strconv.Itoa(s.n)
}

// begin is a response_url and a trigger_id for something that somebody does.
func (s *Slack) begin() (asked *Asked, answer, trigger string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.next("r")
	asked = &Asked{answers: make(chan Answer, answersEach), began: s.now()}
	s.asked[id] = asked
	trigger = s.next("trigger.")
	s.triggers[trigger] = time.Now()
	return asked, strings.TrimSuffix(s.URL, "/api") + "/hooks/" + id, trigger
}

// CommandForm is what Slack sends for a command; the test may change it.
func (s *Slack) CommandForm(user, text string) (url.Values, *Asked) {
	asked, answer, trigger := s.begin()
	return url.Values{"command": {"/slipway"}, "text": {text}, "user_id": {user}, "user_name": {strings.ToLower(user)}, "team_id": {s.Workspace}, "team_domain": {"acme"},
		"channel_id": {"C1"}, "channel_name": {"deploys"}, "api_app_id": {"A1"}, "response_url": {answer}, "trigger_id": {trigger}}, asked
}

// Command is somebody writing /slipway text.
func (s *Slack) Command(user, text string) *Asked {
	s.t.Helper()
	form, asked := s.CommandForm(user, text)
	return s.Send(asked, CommandPath, form.Encode())
}

// ClickForm is what Slack sends when somebody presses a button.
func (s *Slack) ClickForm(user string, b Element) (url.Values, *Asked) {
	s.t.Helper()
	asked, answer, trigger := s.begin()
	return s.payload(map[string]any{"type": "block_actions", "user": map[string]any{"id": user, "username": strings.ToLower(user), "team_id": s.Workspace},
		"team": map[string]any{"id": s.Workspace, "domain": "acme"}, "channel": map[string]any{"id": "C1", "name": "deploys"}, "trigger_id": trigger, "response_url": answer,
		"container": map[string]any{"type": "message", "message_ts": "1.1", "channel_id": "C1"},
		"actions":   []any{map[string]any{"action_id": b.ActionID, "block_id": "b", "type": "button", "value": b.Value, "action_ts": strconv.FormatInt(time.Now().UnixNano(), 10)}}}), asked
}

// Click is somebody pressing a button.
func (s *Slack) Click(user string, b Element) *Asked {
	s.t.Helper()
	form, asked := s.ClickForm(user, b)
	return s.Send(asked, InteractivePath, form.Encode())
}

// Submit is somebody filling in the dialog that was opened last.
func (s *Slack) Submit(user string, v View, text string) *Asked {
	s.t.Helper()
	asked, _, _ := s.begin()
	form := s.payload(map[string]any{"type": "view_submission", "user": map[string]any{"id": user, "username": strings.ToLower(user), "team_id": s.Workspace},
		"team": map[string]any{"id": s.Workspace}, "trigger_id": "t" + strconv.FormatInt(time.Now().UnixNano(), 10), "view": map[string]any{"id": "V1", "callback_id": v.Callback, "private_metadata": v.State,
			"state": map[string]any{"values": map[string]any{chat.DialogField: map[string]any{chat.DialogField: map[string]any{"type": "plain_text_input", "value": text}}}}}})
	return s.Send(asked, InteractivePath, form.Encode())
}

func (s *Slack) payload(of map[string]any) url.Values {
	s.t.Helper()
	encoded, err := json.Marshal(of)
	if err != nil {
		s.t.Fatal(err)
	}
	return url.Values{"payload": {string(encoded)}}
}

// Headers are what proves now that a body is from Slack.
func (s *Slack) Headers(body string) []string {
	timestamp, signature := chat.SignSlack(s.Secret, s.now(), []byte(body))
	return []string{"X-Slack-Request-Timestamp", timestamp, "X-Slack-Signature", signature}
}

// Send sends a body, signed.
func (s *Slack) Send(asked *Asked, path, body string) *Asked {
	s.t.Helper()
	return s.SendWith(asked, path, body, s.Headers(body)...)
}

// SendWith sends a body with headers, whatever they prove.
func (s *Slack) SendWith(asked *Asked, path, body string, headers ...string) *Asked {
	s.t.Helper()
	send(s.t, asked, s.Portal+path, "application/x-www-form-urlencoded", body, headers...)
	if asked.Status == http.StatusOK && asked.Body != "" && !json.Valid([]byte(asked.Body)) {
		s.t.Errorf("the acknowledgement is no JSON: %q", asked.Body)
	}
	return asked
}

func send(t testing.TB, asked *Asked, address, kind, body string, headers ...string) {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	began := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Errorf("send: %v", err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	asked.Status, asked.Took, asked.Body = response.StatusCode, time.Since(began), string(content)
	if asked.Took > ackWithin {
		t.Errorf("it was acknowledged after %s; Slack had told people by then that it failed", asked.Took)
	}
}

// Answer waits for what is said next to whoever asked.
func (a *Asked) Answer(t testing.TB) Answer {
	t.Helper()
	if a.Status != http.StatusOK {
		t.Fatalf("it was answered with status %d: %s", a.Status, a.Body)
	}
	select {
	case said := <-a.answers:
		return said
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was answered")
		return Answer{}
	}
}

// Next is what is said next, if anything is within a time.
func (a *Asked) Next(within time.Duration) (Answer, bool) {
	select {
	case said := <-a.answers:
		return said, true
	case <-time.After(within):
		return Answer{}, false
	}
}

// Quiet fails the test if something was said beyond what was read.
func (a *Asked) Quiet(t testing.TB) {
	t.Helper()
	select {
	case said := <-a.answers:
		t.Errorf("it was answered once more: %s", said.Words)
	default:
	}
}
