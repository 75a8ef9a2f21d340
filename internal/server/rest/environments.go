package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Lock keeps everybody but its owner from starting deployments.
type Lock struct {
	Owner     string    `json:"owner"`
	OwnerName string    `json:"ownerName"`
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"`
}

// Environment is a place that services run in.
type Environment struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Rank  int    `json:"rank" doc:"Orders the columns of the board; lower comes first."`
	Tier  string `json:"tier" doc:"development, staging or production"`
	Lock  *Lock  `json:"lock,omitempty"`
}

// PutEnvironment is what is said of an environment. A lock stays as it is.
type PutEnvironment struct {
	Title string `json:"title,omitempty" doc:"The name if left out." maxLength:"120"`
	Rank  int    `json:"rank" minimum:"-100000" maximum:"100000"`
	Tier  string `json:"tier" enum:"development,staging,production"`
}

func lock(l *slipway.Lock) *Lock {
	if l == nil {
		return nil
	}
	return &Lock{Owner: l.Owner, OwnerName: l.OwnerName, Reason: l.Reason, Since: at(l.Since)}
}

func environment(e slipway.Environment) Environment {
	return Environment{Name: e.Name, Title: e.Title, Rank: e.Rank, Tier: string(e.Tier), Lock: lock(e.Lock)}
}

func saved(e slipway.Environment, err error) (*answer[Environment], error) {
	if err != nil {
		return nil, err
	}
	return &answer[Environment]{environment(e)}, nil
}

// EnvironmentIn names an environment.
type EnvironmentIn struct {
	Environment string `path:"environment" maxLength:"63" doc:"Name of the environment." example:"production"`
}

type putEnvironmentIn struct {
	EnvironmentIn
	Body PutEnvironment
}

// PutLockIn locks an environment.
type PutLockIn struct {
	EnvironmentIn
	Body Reason
}

type postLockIn struct {
	PutLockIn
	KeyIn
}

type unlockIn struct {
	EnvironmentIn
	KeyIn
}

func (s *Surface) registerEnvironments() {
	add(s, operation{id: "list-environments", method: http.MethodGet, path: "/environments", access: server.SignedIn(), tag: "environments",
		summary: "List environments by rank, with their locks"}, s.listEnvironments)
	add(s, operation{id: "get-environment", method: http.MethodGet, path: "/environments/{environment}", access: server.SignedIn(), tag: "environments",
		summary: "Show an environment"}, s.getEnvironment)
	add(s, operation{id: "put-environment", method: http.MethodPut, path: "/environments/{environment}", access: server.Needs(slipway.EnvironmentManage), tag: "environments",
		summary: "Create an environment, or change its title, rank and tier"}, s.putEnvironment)
	add(s, operation{id: "put-lock", method: http.MethodPut, path: "/environments/{environment}/lock", access: server.Needs(slipway.EnvironmentLock), tag: "environments",
		summary: "Lock an environment: nobody else starts deployments there"},
		func(ctx context.Context, actor slipway.Actor, in *PutLockIn) (*answer[Environment], error) {
			return saved(s.App.LockEnvironment(ctx, actor, app.LockEnvironment{Environment: in.Environment, Reason: in.Body.Reason}))
		})
	add(s, operation{id: "post-lock", method: http.MethodPost, path: "/environments/{environment}/lock", access: server.Needs(slipway.EnvironmentLock), tag: "environments",
		summary: "Lock an environment, as PUT does, with an idempotency key"},
		func(ctx context.Context, actor slipway.Actor, in *postLockIn) (*answer[Environment], error) {
			return saved(s.App.LockEnvironment(ctx, actor, app.LockEnvironment{Once: in.once(), Environment: in.Environment, Reason: in.Body.Reason}))
		})
	add(s, operation{id: "delete-lock", method: http.MethodDelete, path: "/environments/{environment}/lock", access: server.Needs(slipway.EnvironmentLock), tag: "environments",
		summary: "Unlock an environment"},
		func(ctx context.Context, actor slipway.Actor, in *unlockIn) (*answer[Environment], error) {
			return saved(s.App.UnlockEnvironment(ctx, actor, app.UnlockEnvironment{Once: in.once(), Environment: in.Environment}))
		})
}

func (s *Surface) listEnvironments(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[Page[Environment]], error) {
	all, err := s.App.Environments(ctx, actor)
	if err != nil {
		return nil, err
	}
	return pageOf(all, "", environment), nil
}

func (s *Surface) getEnvironment(ctx context.Context, actor slipway.Actor, in *EnvironmentIn) (*answer[Environment], error) {
	all, err := s.App.Environments(ctx, actor)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if e.Name == in.Environment {
			return saved(e, nil)
		}
	}
	return nil, slipway.NotFound("environment", in.Environment)
}

func (s *Surface) putEnvironment(ctx context.Context, actor slipway.Actor, in *putEnvironmentIn) (*answer[Environment], error) {
	return saved(s.App.PutEnvironment(ctx, actor, app.PutEnvironment{Environment: slipway.Environment{
		Name: in.Environment, Title: in.Body.Title, Rank: in.Body.Rank, Tier: slipway.Tier(in.Body.Tier)}}))
}
