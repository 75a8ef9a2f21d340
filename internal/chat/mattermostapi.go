package chat

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Mattermost calls a Mattermost server. It may be used from any number of
// goroutines.
type Mattermost struct {
	base      string
	token     slipway.Secret
	actionURL string // where its buttons report to: ours
	client    *http.Client

	mu  sync.Mutex
	key crypto.PublicKey // that it signs clicks with; nil: not asked for yet
	bot string           // whom the token is of; empty: not asked for yet
}

// NewMattermost makes a client for the server at an address; its buttons report
// to actionURL.
func NewMattermost(address string, token slipway.Secret, actionURL string, dial Dial) (*Mattermost, error) {
	m := &Mattermost{base: strings.TrimRight(address, "/"), token: token, actionURL: actionURL}
	if u, err := url.Parse(m.base); err != nil || u.Host == "" {
		return nil, fmt.Errorf("chat: %q is no address", address)
	}
	var err error
	m.client, err = dial(m.base)
	return m, err
}

// CanPost reports whether there is a token to post with, beside answering.
func (m *Mattermost) CanPost() bool { return m.token.Reveal() != "" }

type mattermostAnswer struct {
	ID      string `json:"id"` // of a post; of a fault where the status says so
	Message string `json:"message"`
}

func (m *Mattermost) call(ctx context.Context, method, path string, body any) (mattermostAnswer, error) {
	var a mattermostAnswer
	status, answer, err := post(ctx, m.client, method, m.base+path, m.token.Reveal(), body)
	if err != nil {
		return a, err
	}
	decoded := json.Unmarshal(answer, &a)
	switch {
	case status >= http.StatusBadRequest && decoded == nil:
		return a, &RefusedError{Platform: slipway.Mattermost, Call: path, Why: cut(oneLine(a.Message+" ("+a.ID+")"), 200)}
	case status >= http.StatusBadRequest:
		return a, &RefusedError{Platform: slipway.Mattermost, Call: path, Why: fmt.Sprintf("status %d", status)}
	case decoded != nil:
		return a, errors.New("what Mattermost answered is no JSON")
	default:
		return a, nil
	}
}

// Post says something in a channel, or in the thread below a post, and returns
// the post's id.
func (m *Mattermost) Post(ctx context.Context, channel, thread string, message Message) (id string, err error) {
	a, err := m.call(ctx, http.MethodPost, "/api/v4/posts", object{
		"channel_id": channel, "root_id": thread, "message": "", "props": m.props(message),
	})
	return a.ID, err
}

// Update replaces what a post says.
func (m *Mattermost) Update(ctx context.Context, id string, message Message) error {
	_, err := m.call(ctx, http.MethodPut, "/api/v4/posts/"+url.PathEscape(id)+"/patch", object{"message": "", "props": m.props(message)})
	return err
}

func (m *Mattermost) props(message Message) object {
	return object{"attachments": MattermostAttachments(message, m.actionURL)}
}

// Open shows a dialog to who has just clicked; what they type is sent to the
// address.
func (m *Mattermost) Open(ctx context.Context, trigger, address string, d Dialog) error {
	_, err := m.call(ctx, http.MethodPost, "/api/v4/actions/dialogs/open", object{"trigger_id": trigger, "url": address, "dialog": object{
		"callback_id": d.ID, "title": cut(d.Title, slackViewTitle), "introduction_text": escapeMarkdown(printable(d.Intro)),
		"submit_label": d.Submit, "state": d.State, "notify_on_cancel": false,
		"elements": []any{object{"display_name": cut(d.Label, slackViewTitle), "name": DialogField, "type": "textarea",
			"optional": false, "min_length": 1, "max_length": min(max(d.Longest, 1), slackSection)}},
	}})
	return err
}

// Answers reports whether an address is one that answers go to.
func (m *Mattermost) Answers(address string) bool { return below(address, m.base+"/hooks/commands") }

// Answer says something to who has asked, at the address that came with the
// command, and to nobody else.
func (m *Mattermost) Answer(ctx context.Context, address string, message Message) error {
	if !m.Answers(address) {
		return ErrElsewhere
	}
	status, answer, err := post(ctx, m.client, http.MethodPost, address, "", object{
		"response_type": "ephemeral", "text": "", "attachments": MattermostAttachments(message, m.actionURL), "skip_slack_parsing": true,
	})
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return &RefusedError{Platform: slipway.Mattermost, Call: "the answer", Why: cut(oneLine(string(answer)), 100)}
	}
	return nil
}

// Replacement is what the answer to a click says the clicked post is from now on.
func (m *Mattermost) Replacement(message Message) any {
	return object{"update": object{"message": "", "props": m.props(message)}, "skip_slack_parsing": true}
}

// VerifyTrigger checks that the server itself gave out a trigger id for a user,
// lately. Callbacks of buttons bear no other proof of who has clicked; what the
// server signs with its own key nobody else can say.
func (m *Mattermost) VerifyTrigger(ctx context.Context, trigger, user string, now time.Time) error {
	decoded, err := base64.StdEncoding.DecodeString(trigger)
	if err != nil {
		return ErrUnsigned
	}
	cutAt := strings.LastIndexByte(string(decoded), ':')
	if cutAt < 0 {
		return ErrUnsigned
	}
	signed, signature := decoded[:cutAt+1], string(decoded[cutAt+1:])
	parts := strings.Split(string(signed), ":")
	if len(parts) != 4 || user == "" || parts[1] != user {
		return ErrUnsigned
	}
	given, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return ErrUnsigned
	}
	key, err := m.publicKey(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(signed)
	if of, ok := key.(*ecdsa.PublicKey); !ok || !ecdsa.VerifyASN1(of, sum[:], given) {
		m.forgetKey() // it may have been replaced; the next one asks anew
		return ErrUnsigned
	}
	return MattermostTime(trigger, now)
}

// publicKey is the key that the server signs trigger ids with, which it tells to
// everybody.
func (m *Mattermost) publicKey(ctx context.Context) (crypto.PublicKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.key != nil {
		return m.key, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.base+"/api/v4/config/client?format=old", http.NoBody)
	if err != nil {
		return nil, err
	}
	status, answer, err := do(m.client, request)
	if err != nil {
		return nil, err
	}
	var config struct{ AsymmetricSigningPublicKey string }
	if status != http.StatusOK || json.Unmarshal(answer, &config) != nil || config.AsymmetricSigningPublicKey == "" {
		return nil, errors.New("the Mattermost server does not tell the key that it signs with")
	}
	der, err := base64.StdEncoding.DecodeString(config.AsymmetricSigningPublicKey)
	if err != nil {
		return nil, errors.New("the key of the Mattermost server cannot be read")
	}
	if m.key, err = x509.ParsePKIXPublicKey(der); err != nil {
		return nil, errors.New("the key of the Mattermost server cannot be read")
	}
	return m.key, nil
}

func (m *Mattermost) forgetKey() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.key = nil
}
