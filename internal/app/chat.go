package app

import (
	"context"
	"fmt"
	"time"

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

// chatTrust is how long after the last sign-in somebody may act from chat. A
// chat system says nothing of groups: they are those of that sign-in, and who
// has left cannot sign in any more.
const chatTrust = 30 * 24 * time.Hour

// ChatActor turns somebody whom a chat system has vouched for into the actor
// that they are here, with the groups that they have now.
func (a *App) ChatActor(ctx context.Context, u slipway.ChatUser) (actor slipway.Actor, person slipway.User, err error) {
	err = a.Store.Read(ctx, func(tx slipway.Tx) error {
		account, err := tx.ChatAccounts().Get(ctx, u)
		if slipway.IsNotFound(err) {
			return &slipway.Error{Code: slipway.CodeUnauthenticated, Message: fmt.Sprintf("This %s account is not linked to anybody here.", u.Platform.Title()),
				Affected: "Nothing was changed.", Do: "Link it once: /slipway link."}
		}
		if err != nil {
			return err
		}
		person, err = tx.People().User(ctx, account.UserID)
		if slipway.IsNotFound(err) || err == nil && person.Disabled {
			return &slipway.Error{Code: slipway.CodeDenied, Message: "This account is disabled.", Affected: "Nothing was changed.", Do: "Ask an administrator."}
		}
		if err != nil {
			return err
		}
		if a.now().Sub(person.LastSeen) > chatTrust {
			return &slipway.Error{Code: slipway.CodeDenied, Message: "You have not signed in at the portal for more than 30 days, so nobody knows whether you still may.",
				Affected: "Nothing was changed.", Do: "Sign in there once, then send it again."}
		}
		actor = UserActor(person)
		actor.Via = u.Platform.Channel()
		return nil
	})
	return actor, person, err
}

// ChatIntake remembers what chat systems have asked: each request once, until
// it is done. No person is behind it, so it asks for no permission; what is done
// for a request is asked for by its use case.
type ChatIntake struct {
	Store slipway.Store
	Clock slipway.Clock
}

// ChatFor is how long a request is remembered. Every request that is older is
// refused for its age, and every link has expired.
const ChatFor = 2 * time.Hour

// Take keeps new requests and notes which are done, in one transaction. It says
// of each request whether it is new.
func (in ChatIntake) Take(ctx context.Context, requests []slipway.ChatRequest, done []string) (fresh []bool, err error) {
	err = in.Store.Write(ctx, func(tx slipway.Tx) error {
		if fresh, err = tx.ChatRequests().Take(ctx, requests, in.Clock()); err != nil {
			return err
		}
		return tx.ChatRequests().Finish(ctx, done)
	})
	return fresh, err
}

// Abandoned gives out, once, what nobody has finished since a time.
func (in ChatIntake) Abandoned(ctx context.Context, since time.Time, limit int) (found []slipway.ChatRequest, err error) {
	err = in.Store.Write(ctx, func(tx slipway.Tx) error {
		found, err = tx.ChatRequests().Claim(ctx, since, in.Clock(), limit)
		return err
	})
	return found, err
}

// Forget drops what is old, one piece at a time, and says whether there is more.
func (in ChatIntake) Forget(ctx context.Context, limit int) (more bool, err error) {
	err = in.Store.Write(ctx, func(tx slipway.Tx) error {
		n, err := tx.ChatRequests().Forget(ctx, in.Clock().Add(-ChatFor), limit)
		more = n == int64(limit)
		return err
	})
	return more, err
}
