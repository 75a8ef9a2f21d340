package rest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Subject is who a binding is for.
type Subject struct {
	Kind string `json:"kind" enum:"user,group,serviceaccount,everyone"`
	Name string `json:"name,omitempty" doc:"ID of a user or service account, or name of a group; empty for everyone." maxLength:"200"`
}

// Scope is how far a binding reaches.
type Scope struct {
	Kind string `json:"kind" enum:"organisation,team,service,environment"`
	Name string `json:"name,omitempty" doc:"Empty for the organisation." maxLength:"63"`
}

// AddBinding gives a subject a role within a scope.
type AddBinding struct {
	Subject Subject `json:"subject"`
	Role    string  `json:"role" enum:"viewer,developer,approver,maintainer,admin"`
	Scope   Scope   `json:"scope"`
}

// Binding is a role that somebody has.
type Binding struct {
	ID      int64   `json:"id" doc:"0 for one that the configuration gives, which cannot be removed."`
	Subject Subject `json:"subject"`
	Role    string  `json:"role"`
	Scope   Scope   `json:"scope"`
	Source  string  `json:"source,omitempty" doc:"configuration, or left out."`
}

func binding(b slipway.Binding) Binding {
	return Binding{ID: b.ID, Subject: Subject{string(b.Subject.Kind), b.Subject.Name}, Role: string(b.Role), Scope: Scope{string(b.Scope.Kind), b.Scope.Name}, Source: b.Source}
}

// User is a person who has signed in at least once.
type User struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Email    string    `json:"email"`
	Groups   []string  `json:"groups"`
	Issuer   string    `json:"issuer"`
	Subject  string    `json:"subject"`
	Disabled bool      `json:"disabled"`
	LastSeen time.Time `json:"lastSeen"`
}

// ServiceAccount is a machine that acts in its own name.
type ServiceAccount struct {
	ID          string    `json:"id"`
	Description string    `json:"description,omitempty"`
	CreatedAt   time.Time `json:"createdAt"`
}

// People is who is known.
type People struct {
	Users           []User           `json:"users"`
	ServiceAccounts []ServiceAccount `json:"serviceAccounts"`
}

// Explanation says what somebody may do, and why.
type Explanation struct {
	Subject    string    `json:"subject" doc:"Name of whose access it is."`
	Permission string    `json:"permission"`
	Allowed    bool      `json:"allowed"`
	Reason     string    `json:"reason"`
	Grants     []Binding `json:"grants" doc:"What allows it."`
	Who        string    `json:"who,omitempty" doc:"Who may."`
}

// Deployer is a back end that releases go out through.
type Deployer struct {
	Name           string `json:"name"`
	Summary        string `json:"summary"`
	Replicas       bool   `json:"replicas" doc:"Runs more than one of a kind."`
	ParallelTracks bool   `json:"parallelTracks" doc:"Runs two releases side by side."`
	TrafficWeights bool   `json:"trafficWeights" doc:"Divides traffic by weight."`
	TakesSecrets   bool   `json:"takesSecrets"`
}

type addBindingIn struct {
	KeyIn
	Body AddBinding
}

type idIn struct {
	ID int64 `path:"id" minimum:"1"`
}

type keyedIDIn struct {
	KeyIn
	ID int64 `path:"id" minimum:"1"`
}

type explainIn struct {
	Actor      string `query:"actor" maxLength:"200" doc:"ID of a user or service account; you if left out. Asking about others needs access.explain."`
	Permission string `query:"permission" required:"true" maxLength:"64" doc:"Such as deployment.approve."`
	Resource   string `query:"resource" maxLength:"300" doc:"Parts joined by commas, each at most once: team=T, service=S, environment=E. The team of a service is known. Empty: the organisation." example:"service=billing-api,environment=production"`
}

func (s *Surface) registerAccess() {
	add(s, operation{id: "list-bindings", method: http.MethodGet, path: "/bindings", access: server.Needs(slipway.AccessExplain), tag: "access",
		summary: "List who has which role where"}, s.listBindings)
	add(s, operation{id: "add-binding", method: http.MethodPost, path: "/bindings", access: server.Needs(slipway.AccessManage), tag: "access",
		summary: "Give somebody a role", status: http.StatusCreated}, s.addBinding)
	add(s, operation{id: "remove-binding", method: http.MethodDelete, path: "/bindings/{id}", access: server.Needs(slipway.AccessManage), tag: "access",
		summary: "Take a role away"}, s.removeBinding)
	add(s, operation{id: "list-people", method: http.MethodGet, path: "/people", access: server.Needs(slipway.AccessExplain), tag: "access",
		summary: "List people and service accounts"}, s.listPeople)
	add(s, operation{id: "explain-access", method: http.MethodGet, path: "/access/explain", access: server.SignedIn(), tag: "access",
		summary: "Show whether somebody may do something, and why"}, s.explain)
	add(s, operation{id: "list-deployers", method: http.MethodGet, path: "/deployers", access: server.SignedIn(), tag: "overview",
		summary: "List deployers and what they can do"}, s.listDeployers)
}

func (s *Surface) listBindings(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[Page[Binding]], error) {
	a, err := s.App.Access(ctx, actor)
	if err != nil {
		return nil, err
	}
	return pageOf(a.Bindings, "", binding), nil
}

func (s *Surface) addBinding(ctx context.Context, actor slipway.Actor, in *addBindingIn) (*answer[Binding], error) {
	b, err := s.App.AddBinding(ctx, actor, app.AddBinding{Once: in.once(), Binding: slipway.Binding{
		Subject: slipway.Subject{Kind: slipway.SubjectKind(in.Body.Subject.Kind), Name: in.Body.Subject.Name}, Role: slipway.Role(in.Body.Role),
		Scope: slipway.Scope{Kind: slipway.ScopeKind(in.Body.Scope.Kind), Name: in.Body.Scope.Name}}})
	if err != nil {
		return nil, err
	}
	return &answer[Binding]{binding(b)}, nil
}

func (s *Surface) removeBinding(ctx context.Context, actor slipway.Actor, in *keyedIDIn) (*empty, error) {
	return nil, s.App.RemoveBinding(ctx, actor, app.RemoveBinding{Once: in.once(), Binding: in.ID})
}

func (s *Surface) listPeople(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[People], error) {
	a, err := s.App.Access(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &answer[People]{People{
		Users: each(a.Users, func(u slipway.User) User {
			return User{ID: u.ID, Name: u.Name, Email: u.Email, Groups: listed(u.Groups), Issuer: u.Issuer, Subject: u.Subject, Disabled: u.Disabled, LastSeen: at(u.LastSeen)}
		}),
		ServiceAccounts: each(a.ServiceAccounts, func(m slipway.ServiceAccount) ServiceAccount {
			return ServiceAccount{ID: m.ID, Description: m.Description, CreatedAt: at(m.CreatedAt)}
		})}}, nil
}

func (s *Surface) explain(ctx context.Context, actor slipway.Actor, in *explainIn) (*answer[Explanation], error) {
	on, err := resourceOf(in.Resource)
	if err != nil {
		return nil, err
	}
	permission := slipway.Permission(in.Permission)
	if !slices.Contains(slipway.Permissions(), permission) {
		return nil, slipway.Invalid("The question", []slipway.FieldError{{Field: "permission", Message: "is one of " + strings.Join(names(slipway.Permissions()), ", ")}})
	}
	e, err := s.App.Explain(ctx, actor, app.Explain{Subject: in.Actor, Permission: permission, Resource: on})
	if err != nil {
		return nil, err
	}
	out := Explanation{Subject: e.Subject, Permission: in.Permission, Allowed: e.Decision.Allowed, Reason: e.Decision.Reason, Grants: []Binding{}, Who: e.Who}
	for _, g := range e.Decision.Grants {
		out.Grants = append(out.Grants, binding(g.Binding))
	}
	return &answer[Explanation]{out}, nil
}

// resourceOf reads team=T,service=S,environment=E.
func resourceOf(text string) (slipway.Resource, error) {
	var on slipway.Resource
	parts := map[string]*string{"team": &on.Team, "service": &on.Service, "environment": &on.Environment}
	if text == "" {
		return on, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		into, known := parts[key]
		if !known || *into != "" || value == "" {
			return on, slipway.Invalid("The question", []slipway.FieldError{{Field: "resource", Message: "is made of team=, service= and environment=, each at most once, joined by commas"}})
		}
		*into = value
	}
	return on, nil
}

func (s *Surface) listDeployers(context.Context, slipway.Actor, *empty) (*answer[Page[Deployer]], error) {
	return pageOf(s.App.Deployers.Names(), "", func(name string) Deployer {
		c, _ := s.App.Deployers.Capabilities(name)
		return Deployer{Name: name, Summary: c.Summary, Replicas: c.Replicas, ParallelTracks: c.ParallelTracks, TrafficWeights: c.TrafficWeights, TakesSecrets: c.Secrets}
	}), nil
}
