package notify_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/chat/chattest"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// TestPeopleAreAsked: those who may decide are asked once per plan, and reminded
// once before its time is over; what was decided meanwhile is not told.
func TestPeopleAreAsked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.person("mira", "admins") // may decide; has quiet hours
	r.person("vera")           // may not
	r.person("jonas", "admins")
	letters := &letters{}
	n := r.notifier()
	n.Senders[slipway.ToEmail] = letters
	quiet := slipway.DefaultPreferences()
	quiet.Quiet = &slipway.QuietHours{From: "11:00", Until: "07:00", Zone: "UTC"}
	must(t, r.SetPreferences(r.ctx, slipway.Actor{Kind: slipway.ActorUser, ID: "mira", Name: "Mira", Groups: []string{"admins"}}, quiet))
	d := r.deployment() // by Jonas, who does not decide on his own
	r.event("deployment.waiting", d)
	r.event("deployment.waiting", d)
	work := func() {
		t.Helper()
		must(t, n.Plan(r.ctx))
		must(t, n.Remind(r.ctx))
		for _, x := range r.deliveries(slipway.DeliveryFilter{State: slipway.DeliveryPending}) {
			if !x.NextAt.After(r.clock()) {
				must(t, n.Deliver(r.ctx, x.ID))
			}
		}
	}
	work()
	work()
	same(t, "told at noon", letters.take(), []string{"ana@example.com asked"})
	r.after(19 * time.Hour) // 07:00
	work()
	same(t, "told in the morning", letters.take(), []string{"mira@example.com asked"})
	r.after(4*time.Hour + 30*time.Minute) // half an hour before its end; Mira's quiet hours have begun
	work()
	work()
	same(t, "reminded", letters.take(), []string{"ana@example.com reminded"})
	r.to(d, slipway.Rejected)
	r.after(24 * time.Hour)
	work()
	same(t, "after it was decided", letters.take(), []string(nil))
	for _, x := range r.deliveries(slipway.DeliveryFilter{Person: "mira", State: slipway.DeliveryFailed}) {
		same(t, "the reminder in the morning", x.Error, "There is nothing to decide any more.")
	}
}

// TestFollowers: people are told of what they follow, of what fails in production
// at any hour, and of nothing once they may not read it.
func TestFollowers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	letters := &letters{}
	n := r.notifier()
	n.Senders[slipway.ToEmail] = letters
	p := slipway.Preferences{Services: []string{"billing-api"}, Kinds: []string{"deployment.failed", "deployment.succeeded"}, Channel: slipway.ToEmail, Urgent: true,
		Quiet: &slipway.QuietHours{From: "11:00", Until: "14:00", Zone: "UTC"}}
	must(t, r.SetPreferences(r.ctx, ana, p))
	d := r.deployment()
	for _, kind := range []string{"deployment.failed", "deployment.succeeded", "deployment.paused"} {
		r.event(kind, d)
	}
	must(t, n.Plan(r.ctx))
	at := map[string]time.Duration{}
	for _, x := range r.deliveries(slipway.DeliveryFilter{Person: "ana"}) {
		at[x.Notice.Event.Kind] = x.NextAt.Sub(r.clock())
	}
	same(t, "when", at, map[string]time.Duration{"deployment.failed": 0, "deployment.succeeded": 2 * time.Hour})
	r.person("ana") // has left the group
	for _, x := range r.deliveries(slipway.DeliveryFilter{Person: "ana"}) {
		must(t, n.Deliver(r.ctx, x.ID))
	}
	same(t, "told to who may not read it", letters.take(), []string(nil))
}

// TestUrgentNewsWaitsForNothing: what is held for the morning does not keep from
// anybody that the same deployment fails.
func TestUrgentNewsWaitsForNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	letters := &letters{}
	n := r.notifier()
	n.Senders[slipway.ToEmail] = letters
	p := slipway.Preferences{Services: []string{"billing-api"}, Kinds: []string{"deployment.*"}, Channel: slipway.ToEmail, Urgent: true,
		Quiet: &slipway.QuietHours{From: "11:00", Until: "14:00", Zone: "UTC"}}
	must(t, r.SetPreferences(r.ctx, ana, p))
	d := r.deployment()
	r.event("deployment.running", d)
	r.event("deployment.failed", d)
	r.run(n)
	r.until("it is told", func() bool {
		return len(r.deliveries(slipway.DeliveryFilter{Person: "ana", State: slipway.DeliverySent})) > 0
	})
	same(t, "told at noon", letters.take(), []string{"ana@example.com deployment.failed"})
}

// TestPeopleAreToldInChat: in a conversation of their own, which nobody else reads,
// by the account that they linked in that very system. Who linked none is told
// nothing, and nobody is told for them.
func TestPeopleAreToldInChat(t *testing.T) {
	t.Parallel()
	for _, platform := range []slipway.ChatPlatform{slipway.Slack, slipway.Mattermost} {
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			slack, matter := chattest.NewSlack(t, r.clock), chattest.NewMattermost(t, r.clock)
			dial := func(string) (*http.Client, error) { return http.DefaultClient, nil }
			slackClient, err := chat.NewSlack(slack.URL, slipway.NewSecret(slack.Token), dial)
			must(t, err)
			matterClient, err := chat.NewMattermost(matter.URL, slipway.NewSecret(matter.BotToken), "", dial)
			must(t, err)
			n := r.notifier()
			n.Addresses = notify.ChatAddresses{}
			n.Senders[slipway.ToSlack], n.Senders[slipway.ToMattermost] = notify.Chat{Poster: slackClient}, notify.Chat{Poster: notify.MattermostPoster{Mattermost: matterClient}}
			r.person("vera", "admins")
			other := map[slipway.ChatPlatform]slipway.ChatPlatform{slipway.Slack: slipway.Mattermost, slipway.Mattermost: slipway.Slack}[platform]
			r.write(func(tx slipway.Tx) error {
				for _, a := range []slipway.ChatAccount{
					{ChatUser: slipway.ChatUser{Platform: platform, Workspace: "w", ID: "UANA"}, UserID: "ana"},
					{ChatUser: slipway.ChatUser{Platform: other, Workspace: "w", ID: "UVERA"}, UserID: "vera"}, // not where she wants to be told
				} {
					if err := tx.ChatAccounts().Add(r.ctx, a); err != nil {
						return err
					}
				}
				return nil
			})
			p := slipway.Preferences{Services: []string{"billing-api"}, Kinds: []string{"deployment.failed"}, Channel: slipway.DeliveryChannel(platform)}
			for _, who := range []string{"ana", "vera"} {
				must(t, r.SetPreferences(r.ctx, slipway.Actor{Kind: slipway.ActorUser, ID: who, Name: who, Groups: []string{"admins"}}, p))
			}
			d := r.deployment(func(d *slipway.Deployment) { d.Cause = slipway.CauseRotation })
			r.event("deployment.failed", d)
			r.event("deployment.failed", d)
			must(t, n.Plan(r.ctx))
			for range 2 { // of each person one at a time
				for _, x := range r.deliveries(slipway.DeliveryFilter{State: slipway.DeliveryPending}) {
					must(t, n.Deliver(r.ctx, x.ID))
				}
			}
			var got []string
			for _, m := range slack.Posts() {
				got = append(got, "slack "+m.Channel)
			}
			for _, m := range matter.Posts() {
				got = append(got, "mattermost "+m.Channel)
			}
			want := map[slipway.ChatPlatform]string{slipway.Slack: "slack UANA", slipway.Mattermost: "mattermost directUANA"}[platform]
			same(t, "told", got, []string{want, want})
			if platform == slipway.Mattermost && (len(matter.Told("UANA")) != 2 || !strings.Contains(matter.Told("UANA")[0].Words, "1.41.2 → 1.42.0 with new values of its keys, deployment "+itoa(d.ID))) {
				t.Errorf("it reads %+v", matter.Told("UANA"))
			}
			for _, x := range r.deliveries(slipway.DeliveryFilter{Person: "vera"}) {
				if x.State != slipway.DeliveryFailed || x.Error != "Vera has no address for "+string(platform)+" here." {
					t.Errorf("who linked no account there: %s %q", x.State, x.Error)
				}
			}
		})
	}
}

// letters notes who was told what.
type letters struct {
	mu  sync.Mutex
	got []string
}

func (l *letters) Send(_ context.Context, x notify.Letter) notify.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	what := x.Delivery.Notice.Event.Kind
	if asks := x.Delivery.Notice.Asks; asks != nil {
		what = map[bool]string{false: "asked", true: "reminded"}[asks.Reminder]
	}
	l.got = append(l.got, x.To.Address+" "+what)
	return notify.Outcome{}
}

func (l *letters) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.got
	l.got = nil
	return got
}
