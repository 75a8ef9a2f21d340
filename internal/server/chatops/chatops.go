// Package chatops is the surface for chat: slash commands and buttons of Slack
// and Mattermost. A request is proven, read, remembered and acknowledged at
// once; what it asks for is done after that, by the same use cases as anywhere
// else, as the person whom the chat account is linked to. Nothing is decided
// here.
package chatops

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Slack is a Slack app that may ask.
type Slack struct {
	Secret     slipway.Secret // signs what comes by HTTP; empty: nothing does
	Client     *chat.Slack
	Workspaces []string       // that may ask; empty: whichever the secret is for
	AppToken   slipway.Secret // opens a socket to Slack instead; empty: none
	Dialer     *http.Client   // opens that socket
}

// Mattermost is a Mattermost server that may ask.
type Mattermost struct {
	Tokens []slipway.Secret // of its slash commands
	Client *chat.Mattermost
	Server string   // names it among servers: the host of its address
	Teams  []string // that may ask; empty: all of the server
}

// Config is what the surface is made of. What is nil is not set up.
type Config struct {
	App        *app.App
	Log        *slog.Logger
	PublicURL  string
	Seal       *chat.Seal // needed with either of the two
	Slack      *Slack
	Mattermost *Mattermost
}

// The addresses that chat systems report to.
const (
	slackCommandPath     = "/hooks/slack/command"
	slackInteractivePath = "/hooks/slack/interactive"
	matterCommandPath    = "/hooks/mattermost/command"
	matterActionPath     = "/hooks/mattermost/action"
	matterDialogPath     = "/hooks/mattermost/dialog"

	matterMark = "where Mattermost reports to"
)

// MattermostActionURL is where the buttons of Mattermost report to. It carries a
// mark of ours, because Mattermost signs nothing.
func MattermostActionURL(publicURL string, seal *chat.Seal) string {
	return publicURL + matterActionPath + "?mark=" + seal.Mark(matterMark)
}

// Surface is the chat surface. Its Run has to be running.
type Surface struct {
	Config
	intake *intake
}

var _ server.Surface = (*Surface)(nil)

// New makes the surface.
func New(c Config) (*Surface, error) {
	if c.App == nil || c.Log == nil {
		return nil, errors.New("chatops: App and Log are needed")
	}
	if (c.Slack != nil || c.Mattermost != nil) && c.Seal == nil {
		return nil, errors.New("chatops: Seal is needed")
	}
	if c.Slack != nil && c.Slack.AppToken.Reveal() != "" && c.Slack.Dialer == nil {
		return nil, errors.New("chatops: Dialer is needed to open a socket")
	}
	s := &Surface{Config: c}
	s.intake = newIntake(app.ChatIntake{Store: c.App.Store, Clock: c.App.Clock}, c.Log, s.work)
	return s, nil
}

// Run takes requests in and works on them until ctx ends, and finishes what it
// has acknowledged. It is to end after the server takes no more requests.
func (s *Surface) Run(ctx context.Context) {
	if s.Slack == nil && s.Mattermost == nil {
		return // nobody can ask
	}
	var all sync.WaitGroup
	if s.Slack != nil && s.Slack.AppToken.Reveal() != "" {
		all.Go(func() { s.socket(ctx) })
	}
	s.intake.run(ctx)
	all.Wait()
}

// Routes are public: who asks is proven by the chat system, and who they are
// here is looked up when their request is worked on.
func (s *Surface) Routes() []server.Route {
	at := func(path string, h echo.HandlerFunc) server.Route {
		return server.Route{Method: http.MethodPost, Path: path, Access: server.Public(), Handler: h}
	}
	return []server.Route{
		at(slackCommandPath, s.slackCommand),
		at(slackInteractivePath, s.slackInteractive),
		at(matterCommandPath, s.matterCommand),
		at(matterActionPath, s.matterAction),
		at(matterDialogPath, s.matterDialog),
	}
}

// Authenticate proves that a request comes from the chat system. It makes nobody
// an actor: the routes are public, and their work asks for itself.
func (s *Surface) Authenticate(c echo.Context) error {
	switch c.Path() {
	case slackCommandPath, slackInteractivePath:
		return s.proveSlack(c)
	case matterCommandPath:
		return s.proveMatterCommand(c)
	default:
		return s.proveMatterMark(c)
	}
}

// ShowError answers a chat system, which shows people little of it: the status,
// and JSON for whoever looks into it.
func (s *Surface) ShowError(c echo.Context, err error) error {
	p := server.Describe(err, server.RequestID(c.Request().Context()))
	if p.Status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", "5")
	}
	return c.JSON(p.Status, map[string]any{"code": p.Code, "message": p.Message, "affected": p.Affected, "do": p.Do, "requestId": p.RequestID})
}

func notSetUp(p slipway.ChatPlatform, keys string) error {
	return &slipway.Error{Code: slipway.CodeNotFound, Message: p.Title() + " is not set up here.", Affected: "Nothing was changed.",
		Do: "Set " + keys + ", then start Slipway again: docs/chat.md."}
}

func unproven(p slipway.ChatPlatform, err error) error {
	e := &slipway.Error{Code: slipway.CodeUnauthenticated, Message: "This request is not proven to come from " + p.Title() + ".", Affected: "It was not looked at.",
		Do: "Compare the secret here with the one that " + p.Title() + " shows.", Err: err}
	if errors.Is(err, chat.ErrLate) {
		e.Message, e.Do = "This request is too old, or from the future.", "Compare the clocks, and send it anew."
	}
	return e
}

func wrongWorkspace(p slipway.ChatPlatform) error {
	return &slipway.Error{Code: slipway.CodeDenied, Message: "This Slipway does not work with that workspace of " + p.Title() + ".", Affected: "Nothing was changed."}
}

func unreadable(p slipway.ChatPlatform) error {
	return &slipway.Error{Code: slipway.CodeInvalid, Message: "What " + p.Title() + " sent could not be read.", Affected: "Nothing was changed."}
}
