package browser

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func (s *Surface) chatAccounts(c echo.Context) error { return s.showChat(c, http.StatusOK, "") }

func (s *Surface) showChat(c echo.Context, status int, refused string) error {
	sh, err := s.shell(c, "settings", "Chat")
	if err != nil {
		return err
	}
	list, err := s.App.ChatAccounts(c.Request().Context(), server.ActorOf(c))
	if err != nil {
		return err
	}
	v := page.ChatView{Key: sh.Key, Error: refused, How: "No chat system is set up here: docs/chat.md says how."}
	if len(s.ChatSystems) > 0 {
		v.How = "Write /slipway link in " + strings.Join(s.ChatSystems, " or ") + ", and open the link that you get."
	}
	for _, a := range list {
		v.Accounts = append(v.Accounts, page.ChatRow{Where: a.Platform.Title(), Platform: string(a.Platform), Workspace: a.Workspace, ID: a.ID, Name: a.Name, Linked: a.LinkedAt})
	}
	noStore(c)
	return s.render(c, status, page.Chat(sh, v))
}

// chatLink shows whose account a link is about to join. It changes nothing: that
// is for the form, which only this site's own page can send.
func (s *Surface) chatLink(c echo.Context) error {
	sh, err := s.shell(c, "settings", "Link a chat account")
	if err != nil {
		return err
	}
	status := http.StatusOK
	v := page.ChatLinkView{Key: sh.Key, Link: c.QueryParam("link"), Where: "chat"}
	link, err := s.openLink(v.Link)
	if e, refused, ok := refusal(err); ok {
		status, v.Error = refused, sentence(e)
	} else if err != nil {
		return err
	} else {
		v.Where, v.Workspace, v.ID, v.Name = link.User.Platform.Title(), link.User.Workspace, link.User.ID, link.Name
	}
	noStore(c)
	return s.render(c, status, page.ChatLink(sh, v))
}

// openLink reads a link that the chat surface made.
func (s *Surface) openLink(sealed string) (chat.Link, error) {
	if s.Chat == nil {
		return chat.Link{}, &slipway.Error{Code: slipway.CodeNotFound, Message: "No chat system is set up here.", Do: "docs/chat.md says how."}
	}
	link, err := s.Chat.OpenLink(sealed, s.App.Clock())
	switch {
	case errors.Is(err, chat.ErrExpired):
		return link, slipway.Conflict("This link has expired; it is good for 15 minutes.", "Ask for a new one in chat: /slipway link.")
	case err != nil:
		return link, &slipway.Error{Code: slipway.CodeInvalid, Message: "This is no link that Slipway made, or not all of it.", Affected: "Nothing was changed.", Do: "Ask for one in chat: /slipway link."}
	default:
		return link, nil
	}
}

func (s *Surface) linkChat(c echo.Context) error {
	link, err := s.openLink(c.FormValue("link"))
	if err == nil {
		_, err = s.App.LinkChat(c.Request().Context(), server.ActorOf(c), app.LinkChat{Account: link.User, Name: link.Name, Link: link.Once})
	}
	if e, status, ok := refusal(err); ok {
		return s.showChat(c, status, sentenceWithFields(e))
	}
	if err != nil {
		return err
	}
	return s.done(c, "/settings/chat", "Linked. What you write to Slipway in "+link.User.Platform.Title()+" is from you now.", component.Link{})
}

func (s *Surface) unlinkChat(c echo.Context) error {
	account := slipway.ChatUser{Platform: slipway.ChatPlatform(c.FormValue("platform")), Workspace: c.FormValue("workspace"), ID: c.FormValue("account")}
	err := s.App.UnlinkChat(c.Request().Context(), server.ActorOf(c), app.UnlinkChat{Once: once(c), User: account})
	if e, status, ok := refusal(err); ok {
		return s.showChat(c, status, sentence(e))
	}
	if err != nil {
		return err
	}
	return s.done(c, "/settings/chat", "Unlinked. That account speaks for nobody any more.", component.Link{})
}
