package slipway

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// NotificationRoute says who is told of what: events of a team, a service or an
// environment, of some kinds, go to one destination. Its owner answers for it: it
// tells nothing that the owner may not read at the moment of telling.
type NotificationRoute struct {
	ID          int64
	Name        string
	Team        string // empty: all; so are the next two
	Service     string
	Environment string
	Kinds       []string // "deployment.failed", "deployment.*"; empty: all that can be told
	To          Destination
	Owner       Person
	CreatedAt   time.Time
	AfterEvent  int64      // the newest event when it was made: it tells of later ones
	Sealed      SealedText // what signs deliveries to a webhook
	Health      RouteHealth
}

// RouteHealth is how the deliveries of a route fare.
type RouteHealth struct {
	FailingSince *time.Time // nil: the last delivery arrived
	Error        string     // why the last one did not
	SentAt       *time.Time // when one arrived last
}

// SealedText is a short secret as the database keeps it, and the name of the key
// that it is sealed under.
type SealedText struct {
	KeyID string
	Data  []byte
}

// Sealer keeps short secrets that Slipway has to know again, such as what signs a
// webhook. place is part of the seal: a text opens only where it was sealed for.
type Sealer interface {
	Seal(place string, text Secret) (SealedText, error)
	Open(place string, sealed SealedText) (Secret, error)
}

// SealedAt is the place of a route's secret.
func (r NotificationRoute) SealedAt() string {
	return "notification route " + strconv.FormatInt(r.ID, 10)
}

// Destination is where a route leads.
type Destination struct {
	Channel DeliveryChannel
	Address string         // URL, channel, or address of mail
	Format  DeliveryFormat // of webhooks
}

// DeliveryChannel is the kind of a destination.
type DeliveryChannel string

// The channels of deliveries.
const (
	ToWebhook    DeliveryChannel = "webhook"
	ToSlack      DeliveryChannel = "slack"
	ToMattermost DeliveryChannel = "mattermost"
	ToEmail      DeliveryChannel = "email"
)

// DeliveryFormat is how a webhook is told.
type DeliveryFormat string

// The formats.
const (
	FormatSlipway  DeliveryFormat = "slipway"
	FormatCDEvents DeliveryFormat = "cdevents"
)

// Resource is what managing the route is asked for.
func (r NotificationRoute) Resource() Resource {
	return Resource{Team: r.Team, Service: r.Service, Environment: r.Environment}
}

// Tells reports whether the route is for an event.
func (r NotificationRoute) Tells(e DomainEvent) bool {
	return e.ID > r.AfterEvent && CanBeTold(e.Kind) && anyOr(r.Team, e.Team) && anyOr(r.Service, e.Service) &&
		anyOr(r.Environment, e.Environment) && KindsInclude(r.Kinds, e.Kind)
}

func anyOr(want, is string) bool { return want == "" || want == is }

// KindsInclude reports whether a list of kinds names one; an empty list names all.
func KindsInclude(kinds []string, kind string) bool {
	return len(kinds) == 0 || slices.ContainsFunc(kinds, func(k string) bool {
		group, all := strings.CutSuffix(k, "*")
		return k == kind || all && strings.HasPrefix(kind, group)
	})
}

// ToldKind is a kind of event that people can be told of, in their words.
type ToldKind struct{ Kind, Words string }

// ToldKinds lists them. What moves all the time (progress, logs, reports) is for
// pages, and what tells of people, their tokens and roles is for the audit.
func ToldKinds() []ToldKind {
	return []ToldKind{
		{"deployment.waiting", "A deployment waits for its gates"},
		{"deployment.approve", "Somebody approved"},
		{"deployment.running", "A phase begins"},
		{"deployment.paused", "A deployment is paused"},
		{"deployment.reverting", "A deployment goes back by itself"},
		{"deployment.succeeded", "A release is live"},
		{"deployment.failed", "A deployment failed"},
		{"deployment.rolledBack", "A deployment went back to what was live"},
		{"deployment.cancelled", "A deployment was cancelled"},
		{"deployment.rejected", "Somebody rejected"},
		{"deployment.expired", "Nobody decided in time"},
		{"deployment.superseded", "A newer deployment took the place of one"},
		{"gate.bypassed", "Somebody went around a gate"},
		{"release.created", "A release was created"},
		{"release.blocked", "A release was blocked"},
		{"release.unblocked", "A release is blocked no more"},
		{"hold.lifted", "Automation goes on"},
		{"pipeline.applied", "A pipeline changed"},
		{"service.registered", "A service was registered or changed"},
		{"environment.saved", "An environment was added or changed"},
		{"environment.locked", "An environment was locked"},
		{"environment.unlocked", "An environment is locked no more"},
		{"freeze.added", "A freeze was added"},
		{"freeze.removed", "A freeze was removed"},
		{"line.stopped", "The line was stopped"},
		{"line.going", "The line goes again"},
	}
}

// CanBeTold reports whether people can be told of a kind of event.
func CanBeTold(kind string) bool {
	return slices.ContainsFunc(ToldKinds(), func(k ToldKind) bool { return k.Kind == kind })
}
