package client

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const yamlKind = "application/yaml"

// Me returns who the token stands for.
func (c *Client) Me(ctx context.Context) (Answer[Me], error) { return get[Me](ctx, c, nil, "me") }

// Services returns a page of services.
func (c *Client) Services(ctx context.Context, team, query, cursor string) (Answer[List[Service]], error) {
	return get[List[Service]](ctx, c, values("team", team, "q", query, "cursor", cursor), "services")
}

// Service returns one service.
func (c *Client) Service(ctx context.Context, name string) (Answer[Service], error) {
	return get[Service](ctx, c, nil, "services", name)
}

// PutPipeline applies a slipway.yaml to a service that exists.
func (c *Client) PutPipeline(ctx context.Context, service string, file []byte, dryRun bool) (Answer[AppliedPipeline], error) {
	return call[AppliedPipeline](ctx, c, request{method: http.MethodPut, path: []string{"services", service, "pipeline"}, query: dry(dryRun), text: file, kind: yamlKind})
}

// ApplyFile registers a service together with its pipeline.
func (c *Client) ApplyFile(ctx context.Context, file []byte, dryRun bool) (Answer[Registered], error) {
	return call[Registered](ctx, c, request{method: http.MethodPost, path: []string{"apply"}, query: dry(dryRun), text: file, kind: yamlKind})
}

// CreateRelease makes a release known; Status is 201 if it was not before.
func (c *Client) CreateRelease(ctx context.Context, service string, r NewRelease) (Answer[Release], error) {
	return post[Release](ctx, c, r, "services", service, "releases")
}

// Releases returns a page of releases, newest first.
func (c *Client) Releases(ctx context.Context, service, cursor string) (Answer[List[Release]], error) {
	return get[List[Release]](ctx, c, values("cursor", cursor), "services", service, "releases")
}

// Release returns one release.
func (c *Client) Release(ctx context.Context, service, version string) (Answer[Release], error) {
	return get[Release](ctx, c, nil, "services", service, "releases", version)
}

// Block keeps a release from being deployed.
func (c *Client) Block(ctx context.Context, service, version, reason string) (Answer[Release], error) {
	return post[Release](ctx, c, reasonOf(reason), "services", service, "releases", version, "block")
}

// Unblock lets it be deployed again.
func (c *Client) Unblock(ctx context.Context, service, version string) (Answer[Release], error) {
	return call[Release](ctx, c, request{method: http.MethodDelete, path: []string{"services", service, "releases", version, "block"}})
}

// Promote asks for a release to go to an environment.
func (c *Client) Promote(ctx context.Context, service string, p Promotion) (Answer[Deployment], error) {
	return post[Deployment](ctx, c, p, "services", service, "deployments")
}

// DryRun says what would happen if a release were promoted now.
func (c *Client) DryRun(ctx context.Context, service string, p Promotion) (Answer[DryRun], error) {
	query := values("version", p.Version)
	if p.At != nil {
		query.Set("at", p.At.Format(time.RFC3339Nano))
	}
	if p.Share > 0 {
		query.Set("share", strconv.Itoa(p.Share))
	}
	return get[DryRun](ctx, c, query, "services", service, "environments", p.Environment, "dry-run")
}

// Why says why a deployment is where it is.
func (c *Client) Why(ctx context.Context, id int64) (Answer[Why], error) {
	return get[Why](ctx, c, nil, "deployments", number(id), "why")
}

// WhyStage says why nothing new starts in a stage, or why what is under way
// there does not go on.
func (c *Client) WhyStage(ctx context.Context, service, environment string) (Answer[Why], error) {
	return get[Why](ctx, c, nil, "services", service, "environments", environment, "why")
}

// Rollback asks for what served before.
func (c *Client) Rollback(ctx context.Context, service, environment, to, reason string, acceptIrreversible bool) (Answer[Deployment], error) {
	return post[Deployment](ctx, c, map[string]any{"to": to, "reason": reason, "acceptIrreversible": acceptIrreversible},
		"services", service, "environments", environment, "rollback")
}

// Deployment returns a deployment with what a decision about it needs.
func (c *Client) Deployment(ctx context.Context, id int64) (Answer[Deployment], error) {
	return get[Deployment](ctx, c, nil, "deployments", number(id))
}

// Plan returns what a deployment is going to do, phase by phase.
func (c *Client) Plan(ctx context.Context, id int64) (Answer[Plan], error) {
	return get[Plan](ctx, c, nil, "deployments", number(id), "plan")
}

// Running returns what runs in a stage, as it was observed.
func (c *Client) Running(ctx context.Context, service, environment string) (Answer[Running], error) {
	return get[Running](ctx, c, nil, "services", service, "environments", environment)
}

// Approve says yes to exactly one plan.
func (c *Client) Approve(ctx context.Context, id int64, plan, comment string) (Answer[Deployment], error) {
	return post[Deployment](ctx, c, map[string]string{"plan": plan, "comment": comment}, "deployments", number(id), "approve")
}

// Reject says no.
func (c *Client) Reject(ctx context.Context, id int64, reason string) (Answer[Deployment], error) {
	return post[Deployment](ctx, c, reasonOf(reason), "deployments", number(id), "reject")
}

// Bypass lets a deployment start without one of its gates.
func (c *Client) Bypass(ctx context.Context, id int64, gate, reason, plan string) (Answer[Deployment], error) {
	return post[Deployment](ctx, c, map[string]string{"gate": gate, "reason": reason, "plan": plan}, "deployments", number(id), "bypass")
}

// Line says whether the line is stopped.
func (c *Client) Line(ctx context.Context) (Answer[Line], error) {
	return get[Line](ctx, c, nil, "stop-the-line")
}

// StopTheLine stops everything everywhere.
func (c *Client) StopTheLine(ctx context.Context, reason string) (Answer[Line], error) {
	return call[Line](ctx, c, request{method: http.MethodPut, path: []string{"stop-the-line"}, body: reasonOf(reason)})
}

// LetTheLineGo lets everything start and go on again.
func (c *Client) LetTheLineGo(ctx context.Context) (Answer[Line], error) {
	return call[Line](ctx, c, request{method: http.MethodDelete, path: []string{"stop-the-line"}})
}

// Control does one of cancel, pause, resume and retry. as says how to resume a
// call of which nobody knows whether it took effect: done or again.
func (c *Client) Control(ctx context.Context, id int64, verb, reason, as string) (Answer[Deployment], error) {
	body := reasonOf(reason)
	if as != "" {
		body = map[string]string{"reason": reason, "as": as}
	}
	return post[Deployment](ctx, c, body, "deployments", number(id), verb)
}

// Logs returns what was printed after a line.
func (c *Client) Logs(ctx context.Context, id, after int64) (Answer[Logs], error) {
	return get[Logs](ctx, c, values("after", number(after)), "deployments", number(id), "logs")
}

// Environments lists the environments by rank.
func (c *Client) Environments(ctx context.Context) (Answer[List[Environment]], error) {
	return get[List[Environment]](ctx, c, nil, "environments")
}

// Board returns a page of the board; query is part of a service's name.
func (c *Client) Board(ctx context.Context, team, query, cursor string) (Answer[Board], error) {
	return get[Board](ctx, c, values("team", team, "q", query, "cursor", cursor, "limit", "200"), "board")
}

// Lock keeps others from starting deployments in an environment.
func (c *Client) Lock(ctx context.Context, environment, reason string) (Answer[Environment], error) {
	return post[Environment](ctx, c, reasonOf(reason), "environments", environment, "lock")
}

// Unlock lets them start again.
func (c *Client) Unlock(ctx context.Context, environment string) (Answer[Environment], error) {
	return call[Environment](ctx, c, request{method: http.MethodDelete, path: []string{"environments", environment, "lock"}})
}

// Freeze keeps an environment from new deployments until a time.
func (c *Client) Freeze(ctx context.Context, environment, reason string, until time.Time) (Answer[Freeze], error) {
	return post[Freeze](ctx, c, map[string]any{"environment": environment, "reason": reason, "until": until.UTC()}, "freezes")
}

// Unfreeze ends a freeze before its time.
func (c *Client) Unfreeze(ctx context.Context, id int64) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: []string{"freezes", number(id)}})
	return err
}

// Calendars lists the calendars that make freezes.
func (c *Client) Calendars(ctx context.Context) (Answer[List[Calendar]], error) {
	return get[List[Calendar]](ctx, c, nil, "freezes", "calendars")
}

// AddCalendar adds a freeze that comes again.
func (c *Client) AddCalendar(ctx context.Context, n NewCalendar) (Answer[Calendar], error) {
	return post[Calendar](ctx, c, n, "freezes", "calendars")
}

// ImportCalendars makes a calendar of each event of an iCalendar file.
func (c *Client) ImportCalendars(ctx context.Context, file []byte, environment, kind, zone, reason string) (Answer[List[Calendar]], error) {
	return call[List[Calendar]](ctx, c, request{method: http.MethodPost, path: []string{"freezes", "calendars", "import"},
		query: values("environment", environment, "kind", kind, "zone", zone, "reason", reason), text: file, kind: "text/calendar"})
}

// RemoveCalendar removes a calendar with all the freezes that it makes.
func (c *Client) RemoveCalendar(ctx context.Context, id int64) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: []string{"freezes", "calendars", number(id)}})
	return err
}

// Tokens lists the owner's API tokens, or everybody's.
func (c *Client) Tokens(ctx context.Context, all bool) (Answer[List[Token]], error) {
	query := url.Values{}
	if all {
		query.Set("all", "true")
	}
	return get[List[Token]](ctx, c, query, "tokens")
}

// CreateToken makes an API token. It is asked for once only: the answer cannot
// be had again, and a second request would make a second token.
func (c *Client) CreateToken(ctx context.Context, t NewToken) (Answer[CreatedToken], error) {
	return call[CreatedToken](ctx, c, request{method: http.MethodPost, path: []string{"tokens"}, body: t, once: true})
}

// RevokeToken ends a token at once.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: []string{"tokens", id}})
	return err
}

func number(id int64) string { return strconv.FormatInt(id, 10) }

func dry(run bool) url.Values {
	if run {
		return url.Values{"dryRun": {"true"}}
	}
	return nil
}

func reasonOf(reason string) map[string]string {
	if reason == "" {
		return map[string]string{}
	}
	return map[string]string{"reason": reason}
}

// values makes a query of the pairs that have a value.
func values(pairs ...string) url.Values {
	query := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		if name, value := pair[0], pair[len(pair)-1]; value != "" {
			query.Set(name, value)
		}
	}
	return query
}
