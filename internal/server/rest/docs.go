package rest

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html docs.css
var docsFiles embed.FS

// The view of the documentation page. It is made of the document alone, so it
// cannot say anything else.
type (
	docsView struct {
		Title, About, Version, URL string
		Chapters                   []chapterView
		Schemas                    []schemaView
	}
	chapterView struct {
		Name, About, Anchor string
		Operations          []operationView
	}
	operationView struct {
		ID, Method, Path, Summary, About, Permission, Curl string
		Parameters                                         []fieldView
		Takes, Gives                                       []mediaView
	}
	mediaView struct {
		Status, Kind string
		Type         typeView
	}
	schemaView struct {
		Name   string
		Fields []fieldView
	}
	fieldView struct {
		Name, In, About string
		Required        bool
		Type            typeView
	}
	// typeView is a type in words, with the schema that it leads to, if any.
	typeView struct{ Text, Ref string }
)

// renderDocs makes the page. It has neither script nor inline style, so the
// policy of all pages holds for it.
func (s *Surface) renderDocs() ([]byte, error) {
	page, err := template.ParseFS(docsFiles, "docs.html")
	if err != nil {
		return nil, fmt.Errorf("api docs: %w", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, s.docsView()); err != nil {
		return nil, fmt.Errorf("api docs: %w", err)
	}
	return out.Bytes(), nil
}

func docsCSS() ([]byte, error) { return docsFiles.ReadFile("docs.css") }

func (s *Surface) docsView() docsView {
	document := s.api.OpenAPI()
	v := docsView{Title: "Slipway API", About: document.Info.Description, Version: s.Version, URL: s.PublicURL}
	if v.URL == "" {
		v.URL = "https://slipway.example.com"
	}
	schemas := document.Components.Schemas.Map()
	for _, tag := range document.Tags {
		chapter := chapterView{Name: tag.Name, About: tag.Description, Anchor: anchor(tag.Name)}
		for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
			for _, op := range operationsOf(document.Paths[path]) {
				if slices.Contains(op.Tags, tag.Name) {
					chapter.Operations = append(chapter.Operations, operationOf(op, v.URL, schemas))
				}
			}
		}
		v.Chapters = append(v.Chapters, chapter)
	}
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		v.Schemas = append(v.Schemas, schemaView{Name: name, Fields: fieldsOf(schemas[name])})
	}
	return v
}

func anchor(name string) string { return strings.ReplaceAll(name, " ", "-") }

// operationsOf lists the operations of a path, those that only look first.
func operationsOf(item *huma.PathItem) []*huma.Operation {
	var out []*huma.Operation
	for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
		if op != nil {
			out = append(out, op)
		}
	}
	return out
}

func operationOf(op *huma.Operation, url string, schemas map[string]*huma.Schema) operationView {
	permission, _ := op.Extensions["x-slipway-permission"].(string)
	v := operationView{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, About: op.Description, Permission: permission, Curl: curl(op, url, schemas)}
	for _, p := range op.Parameters {
		v.Parameters = append(v.Parameters, fieldView{Name: p.Name, In: p.In, About: p.Description, Required: p.Required, Type: typeOf(p.Schema)})
	}
	if op.RequestBody != nil {
		v.Takes = mediaOf("", op.RequestBody.Content)
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		response := op.Responses[status]
		if len(response.Content) == 0 {
			v.Gives = append(v.Gives, mediaView{Status: status, Type: typeView{Text: "nothing"}})
		}
		v.Gives = append(v.Gives, mediaOf(status, response.Content)...)
	}
	return v
}

func mediaOf(status string, content map[string]*huma.MediaType) []mediaView {
	var out []mediaView
	for _, kind := range slices.Sorted(maps.Keys(content)) {
		out = append(out, mediaView{Status: status, Kind: kind, Type: typeOf(content[kind].Schema)})
	}
	return out
}

func fieldsOf(s *huma.Schema) []fieldView {
	var out []fieldView
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		property := s.Properties[name]
		out = append(out, fieldView{Name: name, About: property.Description, Required: slices.Contains(s.Required, name), Type: typeOf(property)})
	}
	return out
}

func typeOf(s *huma.Schema) typeView {
	switch {
	case s == nil:
		return typeView{}
	case s.Ref != "":
		name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		return typeView{Text: name, Ref: name}
	case s.Type == huma.TypeArray:
		item := typeOf(s.Items)
		return typeView{Text: "list of " + item.Text, Ref: item.Ref}
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i] = fmt.Sprint(e)
		}
		return typeView{Text: strings.Join(words, " | ")}
	case s.Format == "date-time":
		return typeView{Text: "time"}
	default:
		return typeView{Text: cmp.Or(s.Type, "JSON")}
	}
}

// curl is an example that works once the names in it do.
func curl(op *huma.Operation, url string, schemas map[string]*huma.Schema) string {
	path := op.Path
	for name, example := range map[string]string{"service": "billing-api", "environment": "production", "version": "1.42.0", "team": "payments", "id": "42"} {
		path = strings.ReplaceAll(path, "{"+name+"}", example)
	}
	parts := []string{"curl -H \"Authorization: Bearer $SLIPWAY_TOKEN\""}
	if op.Method != http.MethodGet {
		parts = append(parts, "-X "+op.Method)
	}
	if op.RequestBody != nil {
		if media := op.RequestBody.Content["application/yaml"]; media != nil {
			parts = append(parts, "-H 'Content-Type: application/yaml' --data-binary @slipway.yaml")
		} else if media := op.RequestBody.Content["application/json"]; media != nil {
			body, err := json.Marshal(exampleOf(media.Schema, schemas))
			if err == nil { // made of strings and maps: there is nothing to fail at
				parts = append(parts, "-H 'Content-Type: application/json' -d '"+string(body)+"'")
			}
		}
	}
	var query []string
	for _, p := range op.Parameters {
		if p.In == "query" && p.Required {
			query = append(query, p.Name+"=...")
		}
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	return strings.Join(append(parts, "'"+url+path+"'"), " \\\n  ")
}

// exampleOf fills in what has to be there.
func exampleOf(s *huma.Schema, schemas map[string]*huma.Schema) any {
	if s.Ref != "" {
		s = schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	switch {
	case s == nil:
		return nil
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type == huma.TypeObject:
		out := map[string]any{}
		for _, name := range s.Required {
			out[name] = exampleOf(s.Properties[name], schemas)
		}
		return out
	case s.Type == huma.TypeArray:
		return []any{exampleOf(s.Items, schemas)}
	case s.Type == huma.TypeInteger || s.Type == huma.TypeNumber:
		return 1
	case s.Type == huma.TypeBoolean:
		return true
	case s.Format == "date-time":
		return "2026-12-24T12:00:00Z"
	default:
		return "..."
	}
}
