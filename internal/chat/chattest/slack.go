// Package chattest is Slack and Mattermost as far as Slipway meets them, for
// tests: they sign what they send, time what is acknowledged, and refuse what
// the real ones refuse.
package chattest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
	return s.Send(asked, "/hooks/slack/command", form.Encode())
}

// Click is somebody pressing a button.
func (s *Slack) Click(user string, b Element) *Asked {
	s.t.Helper()
	asked, answer, trigger := s.begin()
	return s.interact(asked, map[string]any{"type": "block_actions", "user": map[string]any{"id": user, "username": strings.ToLower(user), "team_id": s.Workspace},
		"team": map[string]any{"id": s.Workspace, "domain": "acme"}, "channel": map[string]any{"id": "C1", "name": "deploys"}, "trigger_id": trigger, "response_url": answer,
		"container": map[string]any{"type": "message", "message_ts": "1.1", "channel_id": "C1"},
		"actions":   []any{map[string]any{"action_id": b.ActionID, "block_id": "b", "type": "button", "value": b.Value, "action_ts": strconv.FormatInt(time.Now().UnixNano(), 10)}}})
}

// Submit is somebody filling in the dialog that was opened last.
func (s *Slack) Submit(user string, v View, text string) *Asked {
	s.t.Helper()
	asked, _, _ := s.begin()
	return s.interact(asked, map[string]any{"type": "view_submission", "user": map[string]any{"id": user, "username": strings.ToLower(user), "team_id": s.Workspace},
		"team": map[string]any{"id": s.Workspace}, "trigger_id": "t" + strconv.FormatInt(time.Now().UnixNano(), 10), "view": map[string]any{"id": "V1", "callback_id": v.Callback, "private_metadata": v.State,
			"state": map[string]any{"values": map[string]any{chat.DialogField: map[string]any{chat.DialogField: map[string]any{"type": "plain_text_input", "value": text}}}}}})
}

func (s *Slack) interact(asked *Asked, payload map[string]any) *Asked {
	s.t.Helper()
	encoded, err := json.Marshal(payload)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.Send(asked, "/hooks/slack/interactive", url.Values{"payload": {string(encoded)}}.Encode())
}

// Send sends a body, signed.
func (s *Slack) Send(asked *Asked, path, body string) *Asked {
	s.t.Helper()
	timestamp, signature := chat.SignSlack(s.Secret, s.now(), []byte(body))
	return s.SendWith(asked, path, body, "X-Slack-Request-Timestamp", timestamp, "X-Slack-Signature", signature)
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

// Quiet fails the test if something was said beyond what was read.
func (a *Asked) Quiet(t testing.TB) {
	t.Helper()
	select {
	case said := <-a.answers:
		t.Errorf("it was answered once more: %s", said.Words)
	default:
	}
}

// fail answers as the Web API does, with status 200 and a word.
func (s *Slack) fail(w http.ResponseWriter, call, word, why string) {
	if why != "" {
		s.t.Errorf("Slack refuses %s: %s: %s", call, word, why)
	}
	s.reply(w, map[string]any{"ok": false, "error": word})
}

func (s *Slack) reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.t.Error(err)
	}
}

// read checks what every call of the Web API needs, and decodes it.
func (s *Slack) read(w http.ResponseWriter, r *http.Request, into any) bool {
	call := strings.TrimPrefix(r.URL.Path, "/api/")
	s.mu.Lock()
	if s.limited > 0 {
		s.limited--
		s.mu.Unlock()
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return false
	}
	s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		s.fail(w, call, "invalid_json", fmt.Sprint(err, r.Header.Get("Content-Type")))
	case r.Header.Get("Authorization") != "Bearer "+s.Token:
		s.fail(w, call, "invalid_auth", "")
	case json.NewDecoder(bytes.NewReader(body)).Decode(into) != nil:
		s.fail(w, call, "invalid_json", string(body))
	default:
		return true
	}
	return false
}

// Limit has the next calls answered with "too many".
func (s *Slack) Limit(calls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limited = calls
}

type slackPost struct {
	Channel  string          `json:"channel"`
	Thread   string          `json:"thread_ts"`
	TS       string          `json:"ts"`
	Text     string          `json:"text"`
	Blocks   json.RawMessage `json:"blocks"`
	Response string          `json:"response_type"`
	Replace  bool            `json:"replace_original"`
}

func (s *Slack) postMessage(w http.ResponseWriter, r *http.Request) {
	var p slackPost
	if !s.read(w, r, &p) {
		return
	}
	blocks, fault := checkBlocks(p.Blocks, 50)
	switch {
	case fault != "":
		s.fail(w, "chat.postMessage", "invalid_blocks", fault)
		return
	case p.Text == "" || len(p.Text) > 40000:
		s.fail(w, "chat.postMessage", "no_text", "a message needs a text for notifications")
		return
	case !strings.HasPrefix(p.Channel, "C"):
		s.fail(w, "chat.postMessage", "channel_not_found", "")
		return
	}
	s.mu.Lock()
	s.n++
	id := fmt.Sprintf("1700000000.%06d", s.n)
	s.posts = append(s.posts, &Post{ID: id, Channel: p.Channel, Thread: p.Thread, Words: words(blocks), Buttons: buttons(blocks)})
	s.mu.Unlock()
	s.reply(w, map[string]any{"ok": true, "channel": p.Channel, "ts": id})
}

func (s *Slack) update(w http.ResponseWriter, r *http.Request) {
	var p slackPost
	if !s.read(w, r, &p) {
		return
	}
	blocks, fault := checkBlocks(p.Blocks, 50)
	if fault != "" {
		s.fail(w, "chat.update", "invalid_blocks", fault)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, post := range s.posts {
		if post.ID == p.TS && post.Channel == p.Channel {
			post.Words, post.Buttons, post.Edits = words(blocks), buttons(blocks), post.Edits+1
			post.EditedAt = append(post.EditedAt, time.Now())
			s.reply(w, map[string]any{"ok": true, "channel": p.Channel, "ts": p.TS})
			return
		}
	}
	s.fail(w, "chat.update", "message_not_found", "")
}

func (s *Slack) open(w http.ResponseWriter, r *http.Request) {
	var p struct {
		Trigger string `json:"trigger_id"`
		View    struct {
			Type     string          `json:"type"`
			Callback string          `json:"callback_id"`
			Metadata string          `json:"private_metadata"`
			Title    *Text           `json:"title"`
			Submit   *Text           `json:"submit"`
			Close    *Text           `json:"close"`
			Blocks   json.RawMessage `json:"blocks"`
		} `json:"view"`
	}
	if !s.read(w, r, &p) {
		return
	}
	s.mu.Lock()
	given, known := s.triggers[p.Trigger]
	delete(s.triggers, p.Trigger)
	s.mu.Unlock()
	if !known || time.Since(given) > triggerFor {
		s.fail(w, "views.open", "expired_trigger_id", "")
		return
	}
	_, fault := checkBlocks(p.View.Blocks, 100)
	for _, text := range []*Text{p.View.Title, p.View.Submit, p.View.Close} {
		if fault == "" {
			fault = text.fault(24, "plain_text")
		}
	}
	if fault != "" || p.View.Type != "modal" || len(p.View.Metadata) > 3000 || p.View.Callback == "" {
		s.fail(w, "views.open", "invalid_arguments", "a view that Slack does not take: "+fault)
		return
	}
	s.mu.Lock()
	s.views = append(s.views, View{State: p.View.Metadata, Callback: p.View.Callback, Trigger: p.Trigger})
	s.mu.Unlock()
	s.reply(w, map[string]any{"ok": true, "view": map[string]any{"id": "V1"}})
}

// answer is what response_url takes: five posts within half an hour.
func (s *Slack) answer(w http.ResponseWriter, r *http.Request) {
	var p slackPost
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &p) != nil {
		s.t.Errorf("an answer is no JSON: %s", body)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	asked, known := s.asked[r.PathValue("id")]
	blocks, fault := checkBlocks(p.Blocks, 50)
	switch {
	case !known:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "no_service")
	case asked.count >= answersEach || s.now().Sub(asked.began) > answersFor:
		s.t.Errorf("answer %d is one too many, or too late", asked.count+1)
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "used_url")
	case fault != "":
		s.t.Errorf("Slack refuses an answer: %s", fault)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "invalid_blocks")
	case p.Response != "ephemeral":
		s.t.Errorf("an answer is for everybody: %q", p.Response)
		w.WriteHeader(http.StatusBadRequest)
	default:
		asked.count++
		asked.answers <- Answer{Words: words(blocks), Replace: p.Replace, Buttons: buttons(blocks)}
		_, _ = io.WriteString(w, "ok")
	}
}

// Posts are the messages in channels.
func (s *Slack) Posts() []Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Post, len(s.posts))
	for i, p := range s.posts {
		out[i] = *p
	}
	return out
}

// Views are the dialogs that were opened.
func (s *Slack) Views() []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]View(nil), s.views...)
}
