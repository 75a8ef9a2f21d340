package chattest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/chat"
)

// Mattermost is a stand-in for a Mattermost server with one team.
type Mattermost struct {
	URL          string
	CommandToken string
	BotToken     string
	Team         string
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
	m := &Mattermost{t: t, now: now, key: key, CommandToken: "nezum4kpu3faiec7r7c5zt6tfy", BotToken: "bot-token-of-mattermost", Team: "team1",
		asked: map[string]*Asked{}, answered: map[*Asked]chan MatterAnswer{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v4/config/client", m.config)
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

func (m *Mattermost) config(w http.ResponseWriter, r *http.Request) {
	der, err := x509.MarshalPKIXPublicKey(&m.key.PublicKey)
	if err != nil || r.URL.Query().Get("format") != "old" {
		m.t.Error("the configuration is asked for in a form that Mattermost does not know", err)
	}
	m.reply(w, http.StatusOK, map[string]any{"SiteName": "Acme", "AsymmetricSigningPublicKey": base64.StdEncoding.EncodeToString(der)})
}

func (m *Mattermost) reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		m.t.Error(err)
	}
}

func (m *Mattermost) refuse(w http.ResponseWriter, status int, word string) {
	m.reply(w, status, map[string]any{"id": word, "message": word, "status_code": status})
}

var actionID = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// attachments checks and reads what Mattermost draws.
func (m *Mattermost) attachments(props json.RawMessage) MatterAnswer {
	var p struct {
		Attachments []struct {
			Fallback, Color, Text, Title, Footer string
			Actions                              []struct {
				ID, Name, Type, Style string
				Integration           struct {
					URL     string
					Context json.RawMessage
				}
			}
		}
	}
	if err := json.Unmarshal(props, &p); err != nil {
		m.t.Errorf("Mattermost cannot read %s: %v", props, err)
	}
	var out MatterAnswer
	for _, a := range p.Attachments {
		out.Words += a.Title + "\n" + a.Text + "\n" + a.Footer
		for _, b := range a.Actions {
			if !actionID.MatchString(b.ID) || b.Name == "" || b.Type != "button" || !strings.HasPrefix(b.Integration.URL, "http") {
				m.t.Errorf("Mattermost takes no such button: %+v", b)
			}
			out.Buttons = append(out.Buttons, MatterAction{ID: b.ID, Name: b.Name, url: b.Integration.URL, context: b.Integration.Context})
		}
	}
	if n := utf8.RuneCountInString(out.Words); n > 16383 || n == 0 {
		m.t.Errorf("a post of %d characters", n)
	}
	out.Words = strings.NewReplacer(`\\`, `\`, `\`, "", "\u200b", "").Replace(out.Words) // as people read it
	return out
}

func (m *Mattermost) read(w http.ResponseWriter, r *http.Request, into any) bool {
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil || json.Unmarshal(body, into) != nil:
		m.t.Errorf("%s takes no such body: %s", r.URL.Path, body)
		m.refuse(w, http.StatusBadRequest, "api.context.invalid_body_param")
	case r.Header.Get("Authorization") != "Bearer "+m.BotToken:
		m.refuse(w, http.StatusUnauthorized, "api.context.session_expired")
	default:
		return true
	}
	return false
}

type matterPost struct {
	Channel string          `json:"channel_id"`
	Root    string          `json:"root_id"`
	Message string          `json:"message"`
	Props   json.RawMessage `json:"props"`
}

func (m *Mattermost) post(w http.ResponseWriter, r *http.Request) {
	var p matterPost
	if !m.read(w, r, &p) {
		return
	}
	if !strings.HasPrefix(p.Channel, "chan") {
		m.refuse(w, http.StatusForbidden, "api.context.permissions")
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n++
	post := &MatterPost{ID: fmt.Sprintf("post%022d", m.n), Channel: p.Channel, Thread: p.Root, MatterAnswer: m.attachments(p.Props)}
	m.posts = append(m.posts, post)
	m.reply(w, http.StatusCreated, map[string]any{"id": post.ID})
}

func (m *Mattermost) patch(w http.ResponseWriter, r *http.Request) {
	var p matterPost
	if !m.read(w, r, &p) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, post := range m.posts {
		if post.ID == r.PathValue("id") {
			post.MatterAnswer, post.Edits = m.attachments(p.Props), post.Edits+1
			m.reply(w, http.StatusOK, map[string]any{"id": post.ID})
			return
		}
	}
	m.refuse(w, http.StatusNotFound, "app.post.get.app_error")
}

func (m *Mattermost) open(w http.ResponseWriter, r *http.Request) {
	var p struct {
		Trigger string `json:"trigger_id"`
		URL     string `json:"url"`
		Dialog  struct {
			Callback string `json:"callback_id"`
			Title    string `json:"title"`
			State    string `json:"state"`
			Elements []struct {
				Display string `json:"display_name"`
				Name    string `json:"name"`
				Type    string `json:"type"`
				Max     int    `json:"max_length"`
			} `json:"elements"`
		} `json:"dialog"`
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &p) != nil {
		m.t.Errorf("no dialog: %s", body)
	}
	if err := chat.MattermostTime(p.Trigger, m.now()); err != nil {
		m.refuse(w, http.StatusBadRequest, "interactive_message.decode_trigger_id.expired")
		return
	}
	d := p.Dialog
	if len(d.Title) == 0 || len(d.Title) > 24 || len(d.Elements) != 1 || len(d.Elements[0].Display) > 24 || d.Elements[0].Type != "textarea" || d.Elements[0].Max > 3000 {
		m.t.Errorf("Mattermost takes no such dialog: %s", body)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dialogs = append(m.dialogs, MatterDialog{URL: p.URL, State: d.State, Callback: d.Callback})
	m.reply(w, http.StatusOK, map[string]any{"status": "OK"})
}

func (m *Mattermost) answer(w http.ResponseWriter, r *http.Request) {
	var p struct {
		Type        string          `json:"response_type"`
		Attachments json.RawMessage `json:"attachments"`
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &p) != nil {
		m.t.Errorf("an answer is no JSON: %s", body)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	asked, known := m.asked[r.PathValue("id")]
	switch {
	case !known:
		http.NotFound(w, r)
		return
	case asked.count >= answersEach || m.now().Sub(asked.began) > answersFor:
		m.t.Errorf("answer %d is one too many, or too late", asked.count+1)
		m.refuse(w, http.StatusBadRequest, "web.command_webhook.invalid.app_error")
		return
	case p.Type != "ephemeral":
		m.t.Errorf("an answer is for everybody: %q", p.Type)
	}
	asked.count++
	m.answered[asked] <- m.attachments(json.RawMessage(`{"attachments":` + string(p.Attachments) + `}`))
	_, _ = io.WriteString(w, "ok")
}

// Posts are the messages in channels.
func (m *Mattermost) Posts() []MatterPost {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]MatterPost, len(m.posts))
	for i, p := range m.posts {
		out[i] = *p
	}
	return out
}

// Dialogs are those that were opened.
func (m *Mattermost) Dialogs() []MatterDialog {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]MatterDialog(nil), m.dialogs...)
}
