package slipway

import (
	"context"
	"time"
)

// Clock tells the time. Tests inject their own.
type Clock func() time.Time

// Store keeps everything. Both functions run f in one transaction: Read on a
// snapshot that cannot write, Write with all changes or none. f must use only
// its own Tx, may be run again after a serialization conflict, and must not
// call anything slow.
type Store interface {
	Read(ctx context.Context, f func(Tx) error) error
	Write(ctx context.Context, f func(Tx) error) error
}

// Tx is one transaction. Its parts share it. Getters return a CodeNotFound
// error for what does not exist.
type Tx interface {
	Teams() Teams
	Environments() Environments
	Services() Services
	Pipelines() Pipelines
	Releases() Releases
	Deployments() Deployments
	Stages() Stages
	Sets() Sets
	Votes() Votes
	Bypasses() Bypasses
	Freezes() Freezes
	Calendars() CalendarBook
	Line() Line
	People() People
	Bindings() Bindings
	Tokens() Tokens
	Trust() TrustBook
	Devices() DeviceBook
	Audit() AuditLog
	Events() Events
	Logs() Logs
	Keys() IdempotencyKeys
	Secrets() SecretBook
	SecretMarks() SecretMarkBook
	Sealed() SealedRows
	ChatAccounts() ChatAccounts
	ChatRequests() ChatRequests
	Announcements() Announcements
	Routes() NotificationRoutes
	Deliveries() Deliveries
	NoticeCursor() NoticeCursor
	Preferences() NoticePreferences
	Proposals() SecretProposals
}

// Feed tells of new events, without their content: read Events after the last
// one known. A signal may stand for many events, and may come for none.
type Feed interface {
	Subscribe() (changed <-chan struct{}, cancel func())
}

// Page asks for a part of a list, newest first unless the list says otherwise:
// up to Limit rows after the row that Cursor names (empty: from the start).
type Page struct {
	Cursor string
	Limit  int
}

// Teams keeps teams, ordered by name.
type Teams interface {
	Get(ctx context.Context, name string) (Team, error)
	List(ctx context.Context) ([]Team, error)
	Put(ctx context.Context, t Team) error
}

// Environments keeps environments, ordered by rank.
type Environments interface {
	Get(ctx context.Context, name string) (Environment, error)
	List(ctx context.Context) ([]Environment, error)
	Put(ctx context.Context, e Environment) error
}

// ServiceFilter narrows a list of services; empty fields do not.
type ServiceFilter struct {
	Team  string
	Teams []string // any of them
	Query string   // part of the name or title
}

// Services keeps services, ordered by team and name.
type Services interface {
	Get(ctx context.Context, name string) (Service, error)
	// List returns a page in order of team and name, and the next cursor
	// (empty: no more).
	List(ctx context.Context, filter ServiceFilter, page Page) ([]Service, string, error)
	Insert(ctx context.Context, s Service) error // a duplicate is CodeConflict
	// Update saves over the version that was read, else CodeConflict, and
	// returns the service with its new version.
	Update(ctx context.Context, s Service) (Service, error)
}

// Pipelines keeps pipeline revisions; none is ever changed.
type Pipelines interface {
	Latest(ctx context.Context, service string) (Pipeline, error)
	LatestOf(ctx context.Context, services []string) (map[string]Pipeline, error)
	Revision(ctx context.Context, service string, revision int) (Pipeline, error)
	List(ctx context.Context, service string) ([]Pipeline, error) // newest first, without stages
	Add(ctx context.Context, p Pipeline) error                    // revision taken: CodeConflict
}

// Releases keeps releases; only the block of one ever changes.
type Releases interface {
	Get(ctx context.Context, service, version string) (Release, error)
	List(ctx context.Context, service string, page Page) ([]Release, string, error)
	Newest(ctx context.Context, service string) (Release, error)
	Add(ctx context.Context, r Release) (Release, error) // assigns Seq; version taken: CodeConflict
	SetBlocked(ctx context.Context, service, version string, b *Block) error
}

// DeploymentFilter narrows a list of deployments; empty fields do not.
type DeploymentFilter struct {
	Team        string
	Service     string
	Environment string
	Version     string
	States      []State
	RequestedBy string
	Since       time.Time // created at or after
}

// Deployments keeps deployments.
type Deployments interface {
	Get(ctx context.Context, id int64) (Deployment, error)
	List(ctx context.Context, filter DeploymentFilter, page Page) ([]Deployment, string, error)
	// Active returns the active deployment of a stage, CodeNotFound if none.
	Active(ctx context.Context, service, environment string) (Deployment, error)
	ActiveOf(ctx context.Context, services []string) ([]Deployment, error)
	// Undecided lists waiting deployments on whose plan the voter has not
	// decided, newest first. Of their plans it gives the gates only: every page
	// counts these, and plans are long.
	Undecided(ctx context.Context, voter string, limit int) ([]Deployment, error)
	// Insert assigns the ID and wakes the engine when the transaction commits.
	// A second active deployment of a stage is CodeConflict, by a constraint.
	Insert(ctx context.Context, d Deployment) (Deployment, error)
	// Save writes over the epoch that was read, else CodeConflict, and wakes
	// the engine at d.NextWakeAt. It returns the deployment with its new epoch.
	Save(ctx context.Context, d Deployment) (Deployment, error)
}

// Wakes is what only the engine asks for. It is apart from Deployments because
// no use case may ask for it.
type Wakes interface {
	// Look reads a deployment, and behind which line its log is to be read on. It
	// is what the engine does most, and needs no snapshot: it asks once.
	Look(ctx context.Context, id int64) (d Deployment, logCursor string, err error)
	// Due lists active deployments whose time to be looked at has come, and those
	// put off so far that a clock must have gone wrong.
	Due(ctx context.Context, now time.Time, limit int) ([]int64, error)
}

// Sets keeps release sets.
type Sets interface {
	Get(ctx context.Context, id int64) (ReleaseSet, error)
	// List returns sets, newest first: those with a release of a service, if it
	// is named.
	List(ctx context.Context, service string, page Page) ([]ReleaseSet, string, error)
	Active(ctx context.Context) ([]ReleaseSet, error) // oldest first
	// Of returns the set that a deployment belongs to, CodeNotFound if none.
	Of(ctx context.Context, deployment int64) (ReleaseSet, error)
	Insert(ctx context.Context, s ReleaseSet) (ReleaseSet, error) // assigns the ID
	// Save writes over the epoch that was read, else CodeConflict, and returns
	// the set with its new epoch. What the set is, who asked for it and when is
	// never changed.
	Save(ctx context.Context, s ReleaseSet) (ReleaseSet, error)
}

// Stages keeps what is known of services in environments.
type Stages interface {
	Get(ctx context.Context, service, environment string) (StageState, error) // zero state if nothing is known
	Of(ctx context.Context, services []string) ([]StageState, error)
	All(ctx context.Context) ([]StageState, error) // those with something live
	// Glance reads what changes all the time and the board shows, in one query.
	Glance(ctx context.Context, at Glancing) (Glance, error)
	Put(ctx context.Context, s StageState) error
	PutObserved(ctx context.Context, service, environment string, o Observed) error
}

// Glancing is what Glance is to read; what is empty is left out.
type Glancing struct {
	Services []string
	Voter    string // as for Deployments.Undecided
	Limit    int    // of the undecided
}

// Glance is what Stages.Of, Deployments.ActiveOf and Deployments.Undecided give,
// in the same order.
type Glance struct {
	Stages    []StageState
	Active    []Deployment
	Undecided []Deployment
}

// Votes keeps decisions on plans. They are never changed.
type Votes interface {
	Of(ctx context.Context, deployment int64) ([]Vote, error) // oldest first
	Add(ctx context.Context, v Vote) (Vote, error)
}

// Freezes keeps freezes; past ones are left out of List.
type Freezes interface {
	List(ctx context.Context, now time.Time) ([]Freeze, error) // current and coming, by From
	Add(ctx context.Context, f Freeze) (Freeze, error)
	Get(ctx context.Context, id int64) (Freeze, error)
	Remove(ctx context.Context, id int64) error
}

// People keeps persons and service accounts.
type People interface {
	User(ctx context.Context, id string) (User, error)
	UserBySubject(ctx context.Context, issuer, subject string) (User, error)
	Users(ctx context.Context) ([]User, error) // by name
	PutUser(ctx context.Context, u User) error
	ServiceAccounts(ctx context.Context) ([]ServiceAccount, error)
	PutServiceAccount(ctx context.Context, s ServiceAccount) error
}

// Bindings keeps who has which role where.
type Bindings interface {
	List(ctx context.Context) ([]Binding, error)
	// For returns the bindings of a user or service account and of groups, and
	// those of everyone if the actor is a person.
	For(ctx context.Context, a Actor) ([]Binding, error)
	Add(ctx context.Context, b Binding) (Binding, error) // the same again: CodeConflict
	Get(ctx context.Context, id int64) (Binding, error)
	Remove(ctx context.Context, id int64) error
}

// Tokens keeps API tokens.
type Tokens interface {
	Get(ctx context.Context, id string) (Token, error)
	List(ctx context.Context, ownerID string) ([]Token, error) // newest first; empty owner: all
	Add(ctx context.Context, t Token) error
	Revoke(ctx context.Context, id string, at time.Time) error
	Touch(ctx context.Context, id string, at time.Time) error
}

// AuditLog is append-only. Entries of one chain are numbered without gaps and
// each holds the hash of the one before.
type AuditLog interface {
	// Append assigns Seq, Previous and Hash, at the end of the transaction or when
	// it reads the audit.
	Append(ctx context.Context, e AuditEntry) error
	List(ctx context.Context, filter AuditFilter, page Page) ([]AuditEntry, string, error)
	// Chain walks one chain from its beginning. It stops at f's first error.
	Chain(ctx context.Context, chain string, f func(AuditEntry) error) error
	Chains(ctx context.Context) ([]string, error)
}

// Events is the outbox: what happened, for pages, chat and webhooks. An event
// is added in the transaction of its change and read after it.
type Events interface {
	Add(ctx context.Context, e DomainEvent) error
	After(ctx context.Context, id int64, limit int) ([]DomainEvent, error) // oldest first
	OfDeployment(ctx context.Context, deployment int64) ([]DomainEvent, error)
	LastID(ctx context.Context) (int64, error)
}

// Logs keeps what workloads printed while a deployment was at work.
type Logs interface {
	// Append keeps lines, numbers them on from the last one kept, and remembers
	// the deployer's cursor behind them.
	Append(ctx context.Context, deployment int64, lines []LogLine, cursor string) error
	Cursor(ctx context.Context, deployment int64) (string, error)
	// After returns up to limit lines with a number above after, oldest first.
	After(ctx context.Context, deployment int64, after int64, limit int) ([]LogLine, error)
}

// IdempotencyKeys remembers the answers to requests that may be sent twice.
type IdempotencyKeys interface {
	// Get returns what was kept under a key, CodeNotFound if nothing was.
	Get(ctx context.Context, actor, key string) (KeptAnswer, error)
	Put(ctx context.Context, actor, key string, a KeptAnswer) error
}

// KeptAnswer is the answer to a request and the fingerprint of that request.
type KeptAnswer struct {
	Fingerprint string
	Answer      []byte // JSON
	At          time.Time
}

// LogLine is one line a workload printed, numbered within its deployment.
type LogLine struct {
	Number int64     `json:"number"`
	At     time.Time `json:"at"`
	Source string    `json:"source"`
	Stream string    `json:"stream"`
	Text   string    `json:"text"`
}

// Rights knows what people and machines may do today. It is asked in the
// transaction that does something in their name later than they asked for it.
type Rights interface {
	// MayStill says why somebody may not; empty if they may.
	MayStill(ctx context.Context, tx Tx, order SetOrder, p Permission, service, environment string) (whyNot string, err error)
}

// DeployerCapabilities is what strategies need to know of a deployer.
type DeployerCapabilities struct {
	Summary        string `json:"summary"`
	Replicas       bool   `json:"replicas"`
	ParallelTracks bool   `json:"parallelTracks"`
	TrafficWeights bool   `json:"trafficWeights"`
	TrafficMatch   bool   `json:"trafficMatch"`
	PreviewAddress bool   `json:"previewAddress"`
	Secrets        bool   `json:"secrets"`
	AtMostOnce     bool   `json:"atMostOnce"`
}

// Deployers is what use cases may ask of the back ends. Only the engine calls
// the verbs that change anything.
type Deployers interface {
	Names() []string
	Capabilities(name string) (DeployerCapabilities, bool)
	// CheckConfig returns the number of replicas that a config asks for and
	// the faults of the config, with paths inside it.
	CheckConfig(ref DeployerRef) (replicas int, faults []FieldError)
	// Preview asks the deployer what a plan would change. It may be slow and is
	// never called within a transaction.
	Preview(ctx context.Context, p Plan) (text string, prepared []byte, err error)
	// CheckWay asks the deployer whether it can lead a target along a plan, as
	// Preview does before it looks. A conflict is its no, in words; every other
	// error means that nobody could say. As slow, and as far from transactions.
	CheckWay(ctx context.Context, p Plan) error
}
