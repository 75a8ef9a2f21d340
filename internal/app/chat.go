package app

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

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

// Abandoned gives out, once, what was laid aside, and what nobody has finished
// since a time.
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
