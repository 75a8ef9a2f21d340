package chatops

import (
	"context"
	"crypto/rand"
	"net/url"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// LinkPath is where a link leads that joins a chat account to a person.
const LinkPath = "/settings/chat/link"

// offerLink lets somebody say at the portal who they are. Nobody is guessed.
func (c *call) offerLink(because string) chat.Message {
	sealed, err := c.Seal.SealLink(chat.Link{User: c.User, Name: "@" + c.Name, Once: rand.Text()}, c.App.Clock().Add(chat.LinkFor))
	if err != nil {
		return chat.Text(chat.Bad, "A link could not be made.")
	}
	m := chat.Message{Tone: chat.Wait, Lines: []chat.Line{{Text: because}, {Text: "Open the link, sign in, and say that this account is yours. You do that once."}},
		Buttons: []chat.Button{{ID: "link", Text: "Link account", URL: c.PublicURL + LinkPath + "?link=" + url.QueryEscape(sealed), Style: chat.Primary}},
		Footer:  "The link is for you alone, and good for 15 minutes. Nothing was changed."}
	return m
}

func link(ctx context.Context, c *call) (chat.Message, error) {
	err := c.identify(ctx)
	if slipway.CodeOf(err) == slipway.CodeUnauthenticated {
		return c.offerLink("This account is not linked yet."), nil
	}
	if err != nil {
		return chat.Message{}, err
	}
	m := chat.Text(chat.Good, "This account is linked to "+c.actor.Name+".")
	m.Lines = append(m.Lines, chat.Line{Text: "/slipway unlink", Style: chat.Code})
	return m, nil
}

func unlink(ctx context.Context, c *call) (chat.Message, error) {
	if err := c.App.UnlinkChat(ctx, c.actor, app.UnlinkChat{Once: c.once(), User: c.User}); err != nil {
		return chat.Message{}, err
	}
	return chat.Text(chat.Good, "This account speaks for nobody any more. /slipway link links it again."), nil
}
