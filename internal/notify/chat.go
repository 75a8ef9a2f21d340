package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Poster says things in a chat system.
type Poster interface {
	// Post says something in a channel, or in the thread below a message.
	Post(ctx context.Context, channel, thread string, m chat.Message) (id string, err error)
	// Update replaces what a message says.
	Update(ctx context.Context, channel, id string, m chat.Message) error
	// Direct is the channel in which a user is told, and nobody else.
	Direct(ctx context.Context, user string) (channel string, err error)
}

// MattermostPoster is a Poster: Mattermost finds a post without its channel.
type MattermostPoster struct{ *chat.Mattermost }

// Update implements Poster.
func (p MattermostPoster) Update(ctx context.Context, _, id string, m chat.Message) error {
	return p.Mattermost.Update(ctx, id, m)
}

// Chat tells routes that lead to a channel, and people in a conversation of their
// own.
type Chat struct{ Poster Poster }

// Send implements Sender.
func (c Chat) Send(ctx context.Context, l Letter) Outcome {
	n := l.Delivery.Notice
	m := chat.Message{Tone: toneOf(n), Title: headline(n)}
	for _, text := range lines(n, "") {
		m.Lines = append(m.Lines, chat.Line{Text: text})
	}
	m.Lines = append(m.Lines, chat.Line{Text: linkWords(n), URL: l.Page})
	channel, err := strings.TrimSpace(l.To.Address), error(nil)
	if l.Delivery.Route == 0 {
		channel, err = c.Poster.Direct(ctx, channel)
	}
	if err == nil {
		_, err = c.Poster.Post(ctx, channel, "", m)
	}
	return outcomeOf(err, l.To.Address)
}

func linkWords(n slipway.Notice) string {
	switch {
	case n.Asks != nil:
		return "Review it"
	case n.Deployment != nil:
		return fmt.Sprintf("Deployment %d", n.Deployment.ID)
	default:
		return "Open it"
	}
}

func toneOf(n slipway.Notice) chat.Tone {
	switch kind := n.Event.Kind; {
	case n.Asks != nil, kind == "deployment.waiting", kind == "deployment.paused":
		return chat.Wait
	case kind == "deployment.succeeded", kind == "deployment.approve":
		return chat.Good
	case troubled(kind), kind == "deployment.rejected", kind == "deployment.expired", kind == "release.blocked":
		return chat.Bad
	default:
		return chat.Neutral
	}
}

// outcomeOf says what came of a call of a chat system, in words that say what to do
// there.
func outcomeOf(err error, channel string) Outcome {
	var refused *chat.RefusedError
	var limited *chat.RateLimitedError
	switch {
	case err == nil:
		return Outcome{}
	case errors.As(err, &limited):
		return Outcome{Problem: "It wants no more messages for " + limited.After.String() + ".", Wait: limited.After}
	case errors.As(err, &refused):
		o := Outcome{Problem: fmt.Sprintf("%s says %s.", refused.Platform.Title(), refused.Why), Final: !passing(refused.Why)}
		switch {
		case strings.Contains(refused.Why, "channel_not_found"), strings.Contains(refused.Why, "not_in_channel"):
			o.Problem += fmt.Sprintf(" Invite Slipway to %s, or give the route a channel that is there.", channel)
		case strings.Contains(refused.Why, "auth"), strings.Contains(refused.Why, "token"):
			o.Problem += " Its token is not valid any more: whoever runs Slipway sets a new one."
		}
		return o
	default:
		return Outcome{Problem: upper(err.Error()) + "."}
	}
}

// passing names the refusals that another attempt may get around.
func passing(why string) bool {
	for _, word := range []string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited"} {
		if why == word {
			return true
		}
	}
	return false
}

func upper(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// unposted reports whether a call that failed surely said nothing: the other side
// was not reached, or said no.
func unposted(err error) bool {
	var refused *chat.RefusedError
	var limited *chat.RateLimitedError
	var dial *net.OpError
	var name *net.DNSError
	return errors.As(err, &refused) || errors.As(err, &limited) || errors.As(err, &name) || errors.As(err, &dial) && dial.Op == "dial"
}

// ChatAddresses finds people in a chat system by the account that they linked there.
type ChatAddresses struct{}

// AddressOf implements AddressBook: of several accounts the one linked last.
func (ChatAddresses) AddressOf(ctx context.Context, tx slipway.Tx, person string, channel slipway.DeliveryChannel) (string, error) {
	accounts, err := tx.ChatAccounts().Of(ctx, person)
	address := ""
	for _, a := range accounts {
		if string(a.Platform) == string(channel) {
			address = a.ID
		}
	}
	return address, err
}
