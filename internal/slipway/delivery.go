package slipway

import (
	"context"
	"strconv"
	"time"
)

// Delivery is one thing to tell in one place.
type Delivery struct {
	ID        int64
	Route     int64  // 0: it is for a person
	Person    string // whose it is, if it is for one
	Channel   DeliveryChannel
	Key       string // what it tells of: "event/12"; once per route, or person and channel
	Thread    string // "deployment/42": within one, the older is told first; empty: in no order
	Notice    Notice
	State     DeliveryState
	Attempts  int
	NextAt    time.Time // of the next attempt, while it is pending
	Claim     string    // who is at it
	Status    int       // of the last answer, of HTTP
	Error     string    // why the last attempt failed
	CreatedAt time.Time
	SentAt    *time.Time
}

// Target is where a delivery goes. One target never has two at once, and none
// waits for another.
func (d Delivery) Target() string {
	if d.Route != 0 {
		return RouteTarget(d.Route)
	}
	return "person/" + d.Person + "/" + string(d.Channel)
}

// RouteTarget is the target of a route's deliveries.
func RouteTarget(route int64) string { return "route/" + strconv.FormatInt(route, 10) }

// DeliveryState is where a delivery is.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending DeliveryState = "pending"
	DeliverySent    DeliveryState = "sent"
	DeliveryFailed  DeliveryState = "failed" // given up; somebody may redeliver it
)

// Notice is what is told, frozen when the delivery is planned: it is the same at
// every attempt, and holds no secret.
type Notice struct {
	Event      DomainEvent       `json:"event"`
	Deployment *NoticeDeployment `json:"deployment,omitempty"`
	Form       string            `json:"form,omitempty"` // type of a CDEvent: "service.deployed"
	Incident   int64             `json:"incident,omitempty"`
	Decision   string            `json:"decision,omitempty"` // of a CDEvent on an approval
	Urgent     bool              `json:"urgent,omitempty"`
	Asks       *NoticeAsk        `json:"asks,omitempty"`
}

// EnvironmentNews is the detail of an event on an environment that was saved.
type EnvironmentNews struct {
	Created bool `json:"created"`
}

// NoticeAsk is what somebody is asked to decide.
type NoticeAsk struct {
	Need     int       `json:"need"`
	Until    time.Time `json:"until"`
	Reminder bool      `json:"reminder,omitempty"`
}

// NoticeDeployment is a deployment as it was when the notice was made.
type NoticeDeployment struct {
	ID          int64      `json:"id"`
	Version     string     `json:"version"`
	Previous    string     `json:"previous,omitempty"`
	Cause       Cause      `json:"cause"`
	State       State      `json:"state"`
	RequestedBy Person     `json:"requestedBy"`
	Artifacts   []Artifact `json:"artifacts"`
	Before      []Artifact `json:"before,omitempty"` // of what was live before
	CreatedAt   time.Time  `json:"createdAt"`
	StartedAt   *time.Time `json:"startedAt,omitempty"`
	EndedAt     *time.Time `json:"endedAt,omitempty"`
}

// NoticeOf is what a notice says of a deployment.
func NoticeOf(d Deployment) *NoticeDeployment {
	n := &NoticeDeployment{ID: d.ID, Version: d.Version, Cause: d.Cause, State: d.State, RequestedBy: d.RequestedBy,
		Artifacts: d.Plan.To.Artifacts, CreatedAt: d.CreatedAt, StartedAt: d.StartedAt, EndedAt: d.EndedAt}
	if from := d.Plan.From; from != nil {
		n.Previous, n.Before = from.Version, from.Artifacts
	}
	if n.Artifacts == nil {
		n.Artifacts = []Artifact{}
	}
	return n
}

// Path is the page that a notice is about, below the portal's address.
func (n Notice) Path() string {
	switch e := n.Event; {
	case n.Deployment != nil && n.Asks != nil:
		return "/gates/" + strconv.FormatInt(n.Deployment.ID, 10)
	case n.Deployment != nil:
		return "/runs/" + strconv.FormatInt(n.Deployment.ID, 10)
	case e.Service != "":
		return "/s/" + e.Service
	case e.Environment != "":
		return "/settings/environments"
	default:
		return "/"
	}
}

// DeliveryFilter narrows a list of deliveries; empty fields do not.
type DeliveryFilter struct {
	Routes []int64 // any of them
	Person string
	State  DeliveryState
}

// NotificationRoutes keeps routes, oldest first.
type NotificationRoutes interface {
	List(ctx context.Context) ([]NotificationRoute, error)
	Get(ctx context.Context, id int64) (NotificationRoute, error)
	Add(ctx context.Context, r NotificationRoute) (NotificationRoute, error) // assigns the ID
	Remove(ctx context.Context, id int64) error                              // with its deliveries
	PutSealed(ctx context.Context, id int64, s SealedText) error
	PutHealth(ctx context.Context, id int64, h RouteHealth) error // a route that is gone: nothing
}

// Deliveries keeps deliveries.
type Deliveries interface {
	// Add reports false if the same was planned before, by target and key.
	Add(ctx context.Context, d Delivery) (bool, error)
	Get(ctx context.Context, id int64) (Delivery, error)
	List(ctx context.Context, filter DeliveryFilter, page Page) ([]Delivery, string, error) // newest first
	// Due lists deliveries whose time has come and that nobody is at, of each
	// target the oldest one, of each thread none before the ones before it that
	// were due or tried already. Targets in except are left out.
	Due(ctx context.Context, now time.Time, except []string, limit int) ([]Delivery, error)
	// Claim makes a delivery somebody's until then. It reports false if another
	// was quicker, or it is not pending any more.
	Claim(ctx context.Context, id int64, claim string, now, until time.Time) (bool, error)
	// Save keeps the outcome if the claim is still the one that is kept, else it
	// is a CodeConflict, and gives the delivery free.
	Save(ctx context.Context, d Delivery) error
}

// NoticeCursor keeps how far the events were read for deliveries. Within a Write
// it is locked by Get, so that one reader at a time moves it.
type NoticeCursor interface {
	Get(ctx context.Context) (int64, error)
	Put(ctx context.Context, event int64) error
}

// NoticePreferences keeps what people want to be told of.
type NoticePreferences interface {
	Get(ctx context.Context, person string) (Preferences, error) // those of nobody: DefaultPreferences
	List(ctx context.Context) (map[string]Preferences, error)    // of who said something
	Put(ctx context.Context, person string, p Preferences) error
}

// NoticeRights is what a notifier has to ask in the moment of telling.
type NoticeRights interface {
	// RouteMayTell says why a route may not tell of a resource any more; empty if
	// it may: its owner still manages it, and may read what it tells of.
	RouteMayTell(ctx context.Context, tx Tx, r NotificationRoute, on Resource) (whyNot string, err error)
	// PersonMayRead says the same of a person.
	PersonMayRead(ctx context.Context, tx Tx, u User, on Resource) (whyNot string, err error)
	// Deciders lists who may decide on a waiting deployment, of those who have
	// signed in, and has not yet.
	Deciders(ctx context.Context, tx Tx, d Deployment) ([]User, error)
}
