package rest

import (
	"context"
	"net/http"

	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// NotificationPreferences is what one person wants to be told of, and when.
type NotificationPreferences struct {
	Approvals bool        `json:"approvals" doc:"Asked when a decision of theirs is waited for."`
	Teams     []string    `json:"teams" maxItems:"200" doc:"Followed."`
	Services  []string    `json:"services" maxItems:"200" doc:"Followed, beside those of the teams."`
	Kinds     []string    `json:"kinds" maxItems:"50" doc:"Of the events of these teams and services, or groups of them. Empty: nothing of them is told." example:"[\"deployment.failed\"]"`
	Channel   string      `json:"channel" enum:"email,slack,mattermost" doc:"A chat system needs an account that was linked there."`
	Quiet     *QuietHours `json:"quiet,omitempty" doc:"Left out: told at any hour."`
	Urgent    bool        `json:"urgent" doc:"What fails or goes back in production is told in quiet hours, too."`
}

// QuietHours are hours of each day in which nothing but what is urgent is told.
type QuietHours struct {
	From  string `json:"from" maxLength:"5" example:"22:00"`
	Until string `json:"until" maxLength:"5" doc:"Of the next day if it is not after from." example:"07:00"`
	Zone  string `json:"zone" maxLength:"64" doc:"Whose clock it is." example:"Europe/Stockholm"`
}

func preferences(p slipway.Preferences) NotificationPreferences {
	out := NotificationPreferences{Approvals: p.Approvals, Teams: listed(p.Teams), Services: listed(p.Services), Kinds: listed(p.Kinds), Channel: string(p.Channel), Urgent: p.Urgent}
	if q := p.Quiet; q != nil {
		out.Quiet = &QuietHours{From: q.From, Until: q.Until, Zone: q.Zone}
	}
	return out
}

func (n NotificationPreferences) domain() slipway.Preferences {
	p := slipway.Preferences{Approvals: n.Approvals, Teams: n.Teams, Services: n.Services, Kinds: n.Kinds, Channel: slipway.DeliveryChannel(n.Channel), Urgent: n.Urgent}
	if q := n.Quiet; q != nil {
		p.Quiet = &slipway.QuietHours{From: q.From, Until: q.Until, Zone: q.Zone}
	}
	return p
}

type putPreferencesIn struct{ Body NotificationPreferences }

func (s *Surface) registerPreferences() {
	const path = "/me/notifications"
	add(s, operation{id: "get-my-notifications", method: http.MethodGet, path: path, access: server.SignedIn(), tag: "notifications",
		summary: "Show what you yourself are told", about: "Of people only; a token that is narrowed to scopes does not see it."}, s.getPreferences)
	add(s, operation{id: "put-my-notifications", method: http.MethodPut, path: path, access: server.SignedIn(), tag: "notifications",
		summary: "Say what you yourself want to be told, how, and when not",
		about:   "All of it at once: what is not in the list any more is not followed any more. You follow what you may read; should you lose that, you are told no more of it."}, s.putPreferences)
}

func (s *Surface) getPreferences(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[NotificationPreferences], error) {
	p, err := s.App.Preferences(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &answer[NotificationPreferences]{preferences(p)}, nil
}

func (s *Surface) putPreferences(ctx context.Context, actor slipway.Actor, in *putPreferencesIn) (*answer[NotificationPreferences], error) {
	if err := s.App.SetPreferences(ctx, actor, in.Body.domain()); err != nil {
		return nil, err
	}
	return s.getPreferences(ctx, actor, nil)
}
