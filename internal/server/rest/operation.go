package rest

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// operation is one line of the API. Access has no default: the server refuses
// to start with an operation that declares none.
type operation struct {
	id      string // in the document: "promote-release"
	method  string
	path    string // after /api/v1
	access  server.Access
	tag     string
	summary string
	about   string // more than fits the summary, if anything
	status  int    // of success; 0: 200, or 204 without a body
	max     int64  // bytes of the body; 0: maxCommand
	consume map[string]*huma.MediaType
	produce map[string]*huma.MediaType // for an answer that is written by hand
}

// maxCommand bounds the bodies of commands, which people could type.
const maxCommand = 64 << 10

// handler does the work of one operation for whoever is asking.
type handler[I, O any] func(ctx context.Context, actor slipway.Actor, in *I) (*O, error)

// errAnswered stands for an error that the exchange knows already.
var errAnswered = errors.New("answered")

// add puts an operation into the document and the list of routes.
func add[I, O any](s *Surface, o operation, h handler[I, O]) {
	op := huma.Operation{
		OperationID: o.id, Method: o.method, Path: base + o.path, Summary: o.summary, Description: o.about,
		Tags: []string{o.tag}, DefaultStatus: o.status, MaxBodyBytes: o.max, Metadata: map[string]any{accessKey: o.access},
		Security:   []map[string][]string{{"token": {}}},
		Extensions: map[string]any{"x-slipway-permission": needs(o.access)},
		Responses: map[string]*huma.Response{"default": {Description: "A problem: see its code.",
			Content: map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}}}},
	}
	if o.max == 0 {
		op.MaxBodyBytes = maxCommand
	}
	if o.consume != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: o.consume}
		op.SkipValidateBody = true // it is no JSON: the handler reads the file
	}
	if o.produce != nil {
		op.Responses["200"] = &huma.Response{Description: http.StatusText(http.StatusOK), Content: o.produce}
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		x := exchangeOf(ctx)
		out, err := h(ctx, server.ActorOf(x.c), in)
		if err != nil {
			x.fail(err)
			return nil, errAnswered
		}
		return out, nil
	})
}

// needs says what an operation asks for, in the document's words.
func needs(a server.Access) string {
	if a.Permission != "" {
		return string(a.Permission)
	}
	return "signed in"
}

// newAPI configures huma: JSON only, nothing unknown, no routes of its own.
func newAPI(s *Surface) huma.API {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Slipway", Version: "1",
				Description: "Everything that people do in the browser, for machines. Send an API token as Authorization: Bearer slp_.... " +
					"Errors are application/problem+json with a stable code. Every POST and DELETE takes an Idempotency-Key: the same key with the same content has one effect. " +
					"Lists come in pages: send next back as cursor."},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer", BearerFormat: "slp_...",
					Description: "An API token: Settings, Tokens."}},
			},
			Tags: tags(),
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{problems},
	}
	config.Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	return huma.NewAPI(config, adapter{s})
}

// problems lets what huma has to say about a request go the way of all errors.
// It is the way to translate them for one API; huma.NewError would be the way
// for the whole process.
func problems(ctx huma.Context, _ string, v any) (any, error) {
	x, ours := ctx.(*exchange)
	if e, ok := v.(*huma.ErrorModel); ok && ours {
		x.fail(translated(e))
	}
	return v, nil
}

// finish tidies the document: an array is never null here, neither in answers
// nor in requests, and huma's own error model is in no answer.
func finish(api huma.API) {
	schemas := api.OpenAPI().Components.Schemas
	for _, s := range schemas.Map() {
		notNull(s)
	}
	delete(schemas.Map(), "ErrorModel")
	delete(schemas.Map(), "ErrorDetail")
}

func notNull(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	notNull(s.Items)
	for _, property := range s.Properties {
		notNull(property)
	}
}

// Parts that operations share. They are exported because huma looks into no
// embedded struct that is not: its parameters would stay empty.

// PageIn asks for a page of a list.
type PageIn struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" doc:"How many at most; 50 if left out."`
	Cursor string `query:"cursor" maxLength:"500" doc:"The next of the page before; empty for the first."`
}

func (p PageIn) page() slipway.Page { return slipway.Page{Cursor: p.Cursor, Limit: p.Limit} }

// KeyIn makes a POST or DELETE safe to repeat.
type KeyIn struct {
	Key string `header:"Idempotency-Key" maxLength:"128" doc:"Any text of your own. The same key with the same content has one effect; with other content it is a conflict."`
}

func (k KeyIn) once() app.Once { return app.Once{Key: k.Key} }

// ServiceIn names a service.
type ServiceIn struct {
	Service string `path:"service" maxLength:"63" doc:"Name of the service." example:"billing-api"`
}

// StageIn names a service in an environment.
type StageIn struct {
	ServiceIn
	Environment string `path:"environment" maxLength:"63" doc:"Name of the environment." example:"production"`
}

// answer is a body and nothing else.
type answer[T any] struct{ Body T }

// empty is an answer without a body.
type empty struct{}

// Page is a part of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; left out on the last."`
}

func pageOf[D, W any](rows []D, next string, wire func(D) W) *answer[Page[W]] {
	return &answer[Page[W]]{Page[W]{Items: each(rows, wire), Next: next}}
}

// each maps a list; none is an empty list, never null.
func each[D, W any](rows []D, wire func(D) W) []W {
	out := make([]W, len(rows))
	for i, row := range rows {
		out[i] = wire(row)
	}
	return out
}

// schemaOf names the schema of a type, for operations that huma cannot look
// into.
func schemaOf[T any](s *Surface) *huma.Schema {
	t := reflect.TypeFor[T]()
	return s.api.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}
