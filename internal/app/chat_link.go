package app

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// LinkChat says that a chat account is the actor's own. The surface has checked
// that the chat system vouched for the account, and that the link is ours.
type LinkChat struct {
	Account slipway.ChatUser
	Name    string // as the chat system shows it, for people to recognise
	Link    string // names the link, which is good for once
}

// LinkChat joins a chat account to who is signed in. Nobody is guessed: not by
// name and not by e-mail.
func (a *App) LinkChat(ctx context.Context, actor slipway.Actor, c LinkChat) (slipway.ChatAccount, error) {
	var account slipway.ChatAccount
	err := a.Store.Write(ctx, func(tx slipway.Tx) error {
		if err := a.inPerson(actor); err != nil {
			return err
		}
		used, err := a.linkUsed(ctx, tx, c)
		if err != nil {
			return err
		}
		account, err = tx.ChatAccounts().Get(ctx, c.Account)
		switch {
		case err == nil && account.UserID == actor.ID:
			return nil // as they wanted it
		case err == nil:
			return slipway.Conflict(fmt.Sprintf("This %s account is linked to somebody else.", c.Account.Platform.Title()),
				"Whoever it is unlinks it first: under Settings, Chat, or by /slipway unlink.")
		case !slipway.IsNotFound(err):
			return err
		case used:
			return slipway.Conflict("This link was used before.", "Ask for a new one in chat: /slipway link.")
		}
		account = slipway.ChatAccount{ChatUser: c.Account, UserID: actor.ID, Name: c.Name, LinkedAt: a.now()}
		if err := tx.ChatAccounts().Add(ctx, account); err != nil {
			return err
		}
		return a.record(ctx, tx, actor, change{action: "chat.linked", subject: chatSubject(c.Account),
			summary: fmt.Sprintf("linked the %s account %s to %s", c.Account.Platform.Title(), c.Name, actor.Name), detail: account})
	})
	return account, err
}

// linkUsed uses a link up, and reports whether it was so already.
func (a *App) linkUsed(ctx context.Context, tx slipway.Tx, c LinkChat) (bool, error) {
	if c.Link == "" {
		return false, slipway.Invalid("The link", []slipway.FieldError{{Field: "link", Message: "is needed"}})
	}
	name := "link " + c.Link
	fresh, err := tx.ChatRequests().Take(ctx, []slipway.ChatRequest{{Digest: name, Kind: "link", At: a.now()}}, a.now())
	if err != nil {
		return false, err
	}
	return !fresh[0], tx.ChatRequests().Finish(ctx, []string{name})
}

// inPerson lets only people through who have signed in themselves: no machine,
// and nobody with a token, which may have been found.
func (a *App) inPerson(actor slipway.Actor) error {
	if err := a.signedIn(actor); err != nil {
		return err
	}
	if actor.Kind != slipway.ActorUser || actor.TokenID != "" {
		return &slipway.Error{Code: slipway.CodeDenied, Message: "Only people link chat accounts, and only signed in at the portal.", Affected: "Nothing was changed."}
	}
	return nil
}

func chatSubject(u slipway.ChatUser) string {
	return fmt.Sprintf("%s account %s of %s", u.Platform, u.ID, u.Workspace)
}

// UnlinkChat ends that a chat account speaks for somebody.
type UnlinkChat struct {
	Once
	User slipway.ChatUser
}

// UnlinkChat ends that a chat account speaks for somebody: one's own, or
// anybody's for those who manage access.
func (a *App) UnlinkChat(ctx context.Context, actor slipway.Actor, c UnlinkChat) error {
	return a.writeOnce(ctx, actor, c.Once, c, func(tx slipway.Tx) error {
		account, err := tx.ChatAccounts().Get(ctx, c.User)
		if err != nil {
			return err
		}
		if account.UserID != actor.ID || actor.TokenID != "" {
			err := a.authorize(ctx, tx, actor, slipway.AccessManage, slipway.Resource{})
			if slipway.CodeOf(err) == slipway.CodeDenied {
				return slipway.NotFound("linked chat account", c.User.ID)
			}
			if err != nil {
				return err
			}
		}
		if err := tx.ChatAccounts().Remove(ctx, c.User); err != nil {
			return err
		}
		return a.record(ctx, tx, actor, change{action: "chat.unlinked", subject: chatSubject(c.User),
			summary: fmt.Sprintf("unlinked the %s account %s", c.User.Platform.Title(), account.Name), detail: account})
	})
}

// ChatAccounts lists the actor's own.
func (a *App) ChatAccounts(ctx context.Context, actor slipway.Actor) (out []slipway.ChatAccount, err error) {
	if err := a.signedIn(actor); err != nil {
		return nil, err
	}
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		out, err = tx.ChatAccounts().Of(ctx, actor.ID)
		return err
	})
	return out, err
}
