package chattest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

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
	case !strings.HasPrefix(p.Channel, "C") && !strings.HasPrefix(p.Channel, "U"): // a user's stands for the conversation with them
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

// Hold has answers wait that are posted from now on, and tells when the first has
// come. Those that wait until release are never taken: whoever posted them is gone.
func (s *Slack) Hold() (came <-chan struct{}, release func()) {
	h := &held{came: make(chan struct{}), over: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = h
	return h.came, sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hold = nil
		close(h.over)
	})
}

func (s *Slack) holding() *held {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hold
}

// answer is what response_url takes: five posts within half an hour.
func (s *Slack) answer(w http.ResponseWriter, r *http.Request) {
	if h := s.holding(); h != nil {
		h.once.Do(func() { close(h.came) })
		<-h.over
		panic(http.ErrAbortHandler)
	}
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
