package chatops

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// call is a request at work: who asks, and what they typed.
type call struct {
	*Surface
	request
	actor slipway.Actor
	zone  *time.Location // that they read times in
	words []word         // behind the verb
}

// said is what comes of a request.
type said struct {
	chat.Message
	silent bool // something else says it: a dialog
}

func saying(m chat.Message) said { return said{Message: m} }

// tooOld: who asked has gone on to something else.
const tooOld = 5 * time.Minute

// work does what a request asks for. What comes back is to be told to whoever
// asked: at once where somebody waits for it, or by the function.
func (s *Surface) work(ctx context.Context, r request) (chat.Message, func(context.Context) error) {
	c := &call{Surface: s, request: r, zone: time.UTC}
	out, err := c.outcome(ctx)
	if err != nil {
		out = saying(c.refusal(ctx, err))
	}
	return out.Message, func(ctx context.Context) error { return c.tell(ctx, out) }
}

func (c *call) outcome(ctx context.Context) (said, error) {
	if c.App.Clock().Sub(c.At) > tooOld {
		return saying(chat.Text(chat.Bad, "Slipway was interrupted when you asked for this, some time ago. Look whether it was done before you ask again.")), nil
	}
	if c.Kind != typed {
		return c.press(ctx)
	}
	name, words := readCommand(c.Text)
	c.words = words
	v, ok := verbNamed(name)
	if !ok {
		return saying(unknownVerb(name)), nil
	}
	if v.anybody {
		return v.do(ctx, c)
	}
	if err := c.identify(ctx); err != nil {
		return said{}, err
	}
	return v.do(ctx, c)
}

// identify finds out who asks, as they are known here today.
func (c *call) identify(ctx context.Context) error {
	actor, person, err := c.App.ChatActor(ctx, c.User)
	if err != nil {
		return err
	}
	actor.RequestID, actor.Address = c.RequestID, c.Address
	c.actor = actor
	if zone, err := time.LoadLocation(person.Zone); err == nil {
		c.zone = zone
	}
	return nil
}

// tell answers whoever asked, and nobody else.
func (c *call) tell(ctx context.Context, out said) error {
	if out.silent || c.Answer == "" {
		return nil
	}
	if c.User.Platform == slipway.Mattermost {
		return c.Mattermost.Client.Answer(ctx, c.Answer, out.Message)
	}
	return c.Slack.Client.Answer(ctx, c.Answer, out.Message, c.personal(ctx))
}

// personal reports whether what was clicked is only seen by who clicked: then
// the answer takes its place.
func (c *call) personal(context.Context) bool {
	if c.Kind != pressed {
		return false
	}
	p, err := c.Seal.OpenPress(c.User.Platform, c.Press, c.At)
	return p.For != "" && (err == nil || errors.Is(err, chat.ErrExpired))
}

// place is the channel that somebody asks in; false if nobody but people who
// speak to one another is there, or Slipway may not post.
func (c *call) place() (slipway.Place, bool) {
	p := slipway.Place{Platform: c.User.Platform, Workspace: c.User.Workspace, Channel: c.Channel}
	if c.Private || c.Channel == "" {
		return p, false
	}
	if c.User.Platform == slipway.Mattermost {
		return p, c.Mattermost.Client.CanPost()
	}
	return p, c.Slack.Client.CanPost()
}

// now is the time by the clock that whoever asks reads.
func (c *call) now() time.Time { return c.App.Clock().In(c.zone) }
