package chattest

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/chat"
)

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
	out.Words = strings.NewReplacer(`\\`, `\`, `\`, "", "\u200b", "", "**", "").Replace(out.Words) // as people read it
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

// me is the bot.
func (m *Mattermost) me(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+m.BotToken {
		m.refuse(w, http.StatusUnauthorized, "api.context.session_expired")
		return
	}
	m.reply(w, http.StatusOK, map[string]any{"id": m.Bot, "username": "slipway", "is_bot": true, "email": "slipway@localhost", "roles": "system_user"})
}

// openDirect takes exactly two users, of whom the bot is one, and finds the same
// conversation again.
func (m *Mattermost) openDirect(w http.ResponseWriter, r *http.Request) {
	var of []string
	if !m.read(w, r, &of) {
		return
	}
	if len(of) != 2 || of[0] != m.Bot || of[1] == m.Bot {
		m.t.Errorf("Mattermost opens no conversation of %q", of)
		m.refuse(w, http.StatusBadRequest, "api.context.invalid_body_param")
		return
	}
	if !strings.HasPrefix(of[1], "U") {
		m.refuse(w, http.StatusBadRequest, "api.channel.create_direct_channel.invalid_user.app_error")
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	id := "direct" + of[1]
	m.direct[id] = of[1]
	m.reply(w, http.StatusCreated, map[string]any{"id": id, "type": "D", "name": m.Bot + "__" + of[1]})
}

// Told are the messages that a user was sent where nobody else reads them.
func (m *Mattermost) Told(user string) (out []MatterPost) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.posts {
		if m.direct[p.Channel] == user {
			out = append(out, *p)
		}
	}
	return out
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
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, direct := m.direct[p.Channel]; !direct && !strings.HasPrefix(p.Channel, "chan") {
		m.refuse(w, http.StatusForbidden, "api.context.permissions")
		return
	}
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
