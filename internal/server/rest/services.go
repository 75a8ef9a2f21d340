package rest

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Link is something worth finding next to a service.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// Service is a piece of software that is released as one.
type Service struct {
	Name        string    `json:"name"`
	Title       string    `json:"title"`
	Team        string    `json:"team"`
	Description string    `json:"description,omitempty"`
	Repository  string    `json:"repository,omitempty"`
	Links       []Link    `json:"links"`
	Tags        []string  `json:"tags"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

func service(s slipway.Service) Service {
	return Service{Name: s.Name, Title: s.Title, Team: s.Team, Description: s.Description, Repository: s.Repository,
		Links: each(s.Links, func(l slipway.Link) Link { return Link(l) }), Tags: listed(s.Tags), CreatedAt: at(s.CreatedAt), UpdatedAt: at(s.UpdatedAt)}
}

// PutService is what is said of a service. What is left out is emptied.
type PutService struct {
	Team        string   `json:"team" doc:"Name of the team that owns it."`
	Title       string   `json:"title,omitempty" doc:"The name if left out."`
	Description string   `json:"description,omitempty"`
	Repository  string   `json:"repository,omitempty" doc:"http or https address."`
	Links       []Link   `json:"links,omitempty" maxItems:"50"`
	Tags        []string `json:"tags,omitempty" maxItems:"50"`
}

type serviceOut struct {
	Status int
	ETag   string `header:"ETag" doc:"Send it back as If-Match to change exactly this."`
	Body   Service
}

func (s *Surface) registerServices() {
	add(s, operation{id: "list-services", method: http.MethodGet, path: "/services", access: server.Needs(slipway.ServiceRead), tag: "services",
		summary: "List services", about: "By team and name. What you may not read is left out."}, s.listServices)
	add(s, operation{id: "get-service", method: http.MethodGet, path: "/services/{service}", access: server.Needs(slipway.ServiceRead), tag: "services",
		summary: "Show a service"}, s.getService)
	add(s, operation{id: "put-service", method: http.MethodPut, path: "/services/{service}", access: server.Needs(slipway.ServiceRegister), tag: "services",
		summary: "Register a service, or change what is said of it",
		about:   "Answers 201 when it is new. With If-Match only that very state is changed; with If-None-Match: * only a new one is made."}, s.putService)
}

type listServicesIn struct {
	PageIn
	Team string `query:"team" maxLength:"63" doc:"Only services of this team."`
	Q    string `query:"q" maxLength:"200" doc:"Part of the name or title."`
}

func (s *Surface) listServices(ctx context.Context, actor slipway.Actor, in *listServicesIn) (*answer[Page[Service]], error) {
	rows, next, err := s.App.Services(ctx, actor, slipway.ServiceFilter{Team: in.Team, Query: in.Q}, in.page())
	if err != nil {
		return nil, err
	}
	return pageOf(rows, next, service), nil
}

type getServiceIn struct {
	ServiceIn
	IfNoneMatch string `header:"If-None-Match" doc:"An ETag: if it still holds, the answer is 304 and empty."`
}

func (s *Surface) getService(ctx context.Context, actor slipway.Actor, in *getServiceIn) (*serviceOut, error) {
	found, err := s.App.Service(ctx, actor, in.Service)
	if err != nil {
		return nil, err
	}
	out := &serviceOut{Status: http.StatusOK, ETag: etag(found.Version), Body: service(found)}
	if matches(in.IfNoneMatch, out.ETag) {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

type putServiceIn struct {
	ServiceIn
	IfMatch     string `header:"If-Match" doc:"The ETag that you read."`
	IfNoneMatch string `header:"If-None-Match" doc:"* to make a new service only."`
	Body        PutService
}

// putService compares the ETag twice: here, to answer as HTTP has it, and by
// version in the transaction, for whoever comes in between.
func (s *Surface) putService(ctx context.Context, actor slipway.Actor, in *putServiceIn) (*serviceOut, error) {
	old, err := s.App.Service(ctx, actor, in.Service)
	known := err == nil
	if err != nil && !slipway.IsNotFound(err) && slipway.CodeOf(err) != slipway.CodeDenied {
		return nil, err
	}
	tag := ""
	if known {
		tag = etag(old.Version)
	}
	if (in.IfMatch != "" && !matches(in.IfMatch, tag)) || (in.IfNoneMatch != "" && matches(in.IfNoneMatch, tag)) {
		return nil, preconditionFailed("Service " + in.Service)
	}
	b := in.Body
	c := app.RegisterService{Service: slipway.Service{Name: in.Service, Title: b.Title, Team: b.Team, Description: b.Description, Repository: b.Repository,
		Links: each(b.Links, func(l Link) slipway.Link { return slipway.Link(l) }), Tags: b.Tags}}
	if len(c.Service.Links) == 0 {
		c.Service.Links = nil
	}
	if in.IfMatch != "" {
		c.Version = old.Version
	}
	c.MustCreate = in.IfNoneMatch != ""
	saved, err := s.App.RegisterService(ctx, actor, c)
	if err != nil {
		return nil, err
	}
	out := &serviceOut{Status: http.StatusOK, ETag: etag(saved.Version), Body: service(saved)}
	if !known {
		out.Status = http.StatusCreated
	}
	return out, nil
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// matches compares a header's list of ETags with the one that there is; empty:
// there is nothing, which not even * matches.
func matches(header, tag string) bool {
	if header == "" || tag == "" {
		return false
	}
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == "*" || one == tag {
			return true
		}
	}
	return false
}
