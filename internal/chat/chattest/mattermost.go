package chattest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/chat"
)

// Mattermost is a stand-in for a Mattermost server with one team.
type Mattermost struct {
	URL          string
	CommandToken string
	BotToken     string
	Team         string
	Bot          string // whom the bot's token is of
	Portal       string // where the slash command goes; set it before anybody writes

	t        testing.TB
	now      func() time.Time
	key      *ecdsa.PrivateKey
	mu       sync.Mutex
	n        int
	asked    map[string]*Asked
	answered map[*Asked]chan MatterAnswer
	posts    []*MatterPost
	dialogs  []MatterDialog
	direct   map[string]string // conversations of two: channel → user
}

// MatterAction is a button. What it carries is known to the server alone.
type MatterAction struct {
	ID, Name string
	url      string
	context  json.RawMessage
}

// MatterAnswer is something said to one person.
type MatterAnswer struct {
	Words   string
	Buttons []MatterAction
}

// Button is the one that says something; the test fails without it.
func (a MatterAnswer) Button(t testing.TB, says string) MatterAction {
	t.Helper()
	for _, b := range a.Buttons {
		if strings.HasPrefix(b.Name, says) {
			return b
		}
	}
	t.Fatalf("no button says %q in\n%s", says, a.Words)
	return MatterAction{}
}

// MatterPost is a message in a channel.
type MatterPost struct {
	ID, Channel, Thread string
	MatterAnswer
	Edits int
}

// MatterDialog is a dialog that was opened.
type MatterDialog struct {
	URL, State, Callback string
}

// NewMattermost starts it; now is the clock it stamps trigger ids by.
func NewMattermost(t testing.TB, now func() time.Time) *Mattermost {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m := &Mattermost{t: t, now: now, key: key, CommandToken: "nezum4kpu3faiec7r7c5zt6tfy", BotToken: "bot-token-of-mattermost", Team: "team1", Bot: "bot1", direct: map[string]string{},
		asked: map[string]*Asked{}, answered: map[*Asked]chan MatterAnswer{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v4/config/client", m.config)
	mux.HandleFunc("GET /api/v4/users/me", m.me)
	mux.HandleFunc("POST /api/v4/channels/direct", m.openDirect)
	mux.HandleFunc("POST /api/v4/posts", m.post)
	mux.HandleFunc("PUT /api/v4/posts/{id}/patch", m.patch)
	mux.HandleFunc("POST /api/v4/actions/dialogs/open", m.open)
	mux.HandleFunc("POST /hooks/commands/{id}", m.answer)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.NotFound(w, r)
		t.Errorf("Mattermost has no %s %s", r.Method, r.URL.Path)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	m.URL = server.URL
	return m
}

// Host names the server.
func (m *Mattermost) Host() string { return strings.TrimPrefix(m.URL, "http://") }

// trigger is signed by the server's key, as Mattermost does it.
func (m *Mattermost) trigger(user string) string {
	m.n++
	data := fmt.Sprintf("client%d:%s:%d:", m.n, user, m.now().UnixMilli())
	sum := sha256.Sum256([]byte(data))
	signature, err := ecdsa.SignASN1(rand.Reader, m.key, sum[:])
	if err != nil {
		m.t.Error(err)
	}
	return base64.StdEncoding.EncodeToString([]byte(data + base64.StdEncoding.EncodeToString(signature)))
}

// CommandForm is what Mattermost sends for a command; the test may change it.
func (m *Mattermost) CommandForm(user, text string) (url.Values, *Asked) {
	m.mu.Lock()
	defer m.mu.Unlock()
	trigger := m.trigger(user)
	id := "hook" + strconv.Itoa(m.n)
	asked := &Asked{began: m.now()}
	m.asked[id], m.answered[asked] = asked, make(chan MatterAnswer, answersEach)
	return url.Values{"channel_id": {"chan1"}, "channel_name": {"deploys"}, "command": {"/slipway"}, "response_url": {m.URL + "/hooks/commands/" + id}, "team_domain": {"acme"},
		"team_id": {m.Team}, "text": {text}, "token": {m.CommandToken}, "trigger_id": {trigger}, "user_id": {user}, "user_name": {strings.ToLower(user)}}, asked
}

// Command is somebody writing /slipway text.
func (m *Mattermost) Command(user, text string) *Asked {
	m.t.Helper()
	form, asked := m.CommandForm(user, text)
	return m.Send(asked, form, "Token "+m.CommandToken)
}

// Send sends a command with an Authorization.
func (m *Mattermost) Send(asked *Asked, form url.Values, authorization string) *Asked {
	m.t.Helper()
	send(m.t, asked, m.Portal+"/hooks/mattermost/command", "application/x-www-form-urlencoded", form.Encode(), "Authorization", authorization)
	return asked
}

// Answer waits for what is said next to whoever asked.
func (m *Mattermost) Answer(asked *Asked) MatterAnswer {
	m.t.Helper()
	if asked.Status != http.StatusOK {
		m.t.Fatalf("it was answered with status %d: %s", asked.Status, asked.Body)
	}
	m.mu.Lock()
	answers := m.answered[asked]
	m.mu.Unlock()
	select {
	case said := <-answers:
		return said
	case <-time.After(20 * time.Second):
		m.t.Fatal("nothing was answered")
		return MatterAnswer{}
	}
}

// ClickBody is what a click sends: the server says who has clicked.
func (m *Mattermost) ClickBody(user string, b MatterAction) map[string]any {
	m.mu.Lock()
	defer m.mu.Unlock()
	return map[string]any{"user_id": user, "user_name": strings.ToLower(user), "channel_id": "chan1", "channel_name": "deploys", "team_id": m.Team, "team_domain": "acme",
		"post_id": "post1", "trigger_id": m.trigger(user), "type": "button", "data_source": "", "context": b.context}
}

// Clicked is what the answer to a click says.
type Clicked struct {
	Asked
	Update    *MatterAnswer
	Ephemeral string
}

// Click is somebody pressing a button.
func (m *Mattermost) Click(user string, b MatterAction) Clicked {
	m.t.Helper()
	return m.SendClick(b.url, m.ClickBody(user, b))
}

// SendClick sends a callback.
func (m *Mattermost) SendClick(address string, body map[string]any) Clicked {
	m.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		m.t.Fatal(err)
	}
	var c Clicked
	send(m.t, &c.Asked, address, "application/json", string(encoded))
	if c.Status != http.StatusOK {
		return c
	}
	var answer struct {
		Update *struct {
			Message string          `json:"message"`
			Props   json.RawMessage `json:"props"`
		} `json:"update"`
		EphemeralText string `json:"ephemeral_text"`
	}
	if err := json.Unmarshal([]byte(c.Body), &answer); err != nil {
		m.t.Errorf("the answer to a click is no JSON: %s", c.Body)
	}
	c.Ephemeral = answer.EphemeralText
	if answer.Update != nil {
		said := m.attachments(answer.Update.Props)
		c.Update = &said
	}
	return c
}

// URL is where the button reports to.
func (b MatterAction) URL() string { return b.url }

// Submit is somebody filling in a dialog; the result is what the server says of
// it, empty if it closes.
func (m *Mattermost) Submit(user string, d MatterDialog, text string) (status int, fault string) {
	m.t.Helper()
	encoded, err := json.Marshal(map[string]any{"type": "dialog_submission", "callback_id": d.Callback, "state": d.State, "user_id": user, "channel_id": "chan1", "team_id": m.Team,
		"submission": map[string]string{chat.DialogField: text}, "cancelled": false})
	if err != nil {
		m.t.Fatal(err)
	}
	var asked Asked
	send(m.t, &asked, d.URL, "application/json", string(encoded))
	var answer struct{ Error string }
	_ = json.Unmarshal([]byte(asked.Body), &answer) // nothing is fine
	return asked.Status, answer.Error
}
