package manifest

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const catalogFile = "catalog-info.yaml"

// Entity is one document of a catalog-info.yaml. A Component becomes a service;
// every other kind is listed with the reason why it is passed over.
type Entity struct {
	Kind      string
	Namespace string
	Name      string // as the file has it
	Line      int
	Type      string // of a component: service, website, library, ...
	Lifecycle string
	Owner     Ref
	Service   slipway.Service
	Notes     []string // what was read differently from how it was written
	Skipped   string   // why it is passed over; empty if it is not
}

// Ref is a Backstage entity reference, [kind:][namespace/]name.
type Ref struct {
	Kind, Namespace, Name string
}

var (
	backstageName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)
	backstageTag  = regexp.MustCompile(`^[a-z0-9:+#]+(-[a-z0-9:+#]+)*$`)
	projectSlug   = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)
)

// ParseCatalogInfo reads a catalog-info.yaml of one or more documents. Nothing
// that the file points at is ever fetched.
func ParseCatalogInfo(source []byte) ([]Entity, error) {
	if err := tooLong(catalogFile, source); err != nil {
		return nil, err
	}
	roots, faults := documents(source)
	if len(faults) == 0 && len(roots) == 0 {
		faults = []slipway.FieldError{{Message: "the file is empty"}}
	}
	if len(faults) > 0 {
		return nil, slipway.Invalid(catalogFile, faults)
	}
	s := &scan{}
	var entities []Entity
	for _, root := range roots {
		s.lines = Lines{"": root.Line} // each document has its own
		entities = append(entities, s.entity(root))
	}
	s.unique(entities)
	if len(s.faults) > 0 {
		return nil, slipway.Invalid(catalogFile, s.faults)
	}
	return entities, nil
}

func (s *scan) entity(root *yaml.Node) Entity {
	var version string
	e := Entity{Namespace: "default", Line: root.Line}
	head := map[string]field{
		"apiVersion": s.text(&version), "kind": s.text(&e.Kind),
		"metadata": s.object(map[string]field{"name": s.text(&e.Name), "namespace": s.text(&e.Namespace)}, false),
	}
	before := len(s.faults)
	s.object(head, false)("", root)
	if root.Kind != yaml.MappingNode || len(s.faults) > before {
		return e
	}
	if e.Kind == "" {
		s.fault("kind", root, "is missing")
		return e
	}
	if !strings.EqualFold(e.Kind, "Component") {
		e.Skipped = fmt.Sprintf("Slipway reads components, and this is of kind %s", clip(e.Kind))
		if strings.EqualFold(e.Kind, "Location") {
			e.Skipped = "Slipway does not follow locations; send the file it points at"
		}
		return e
	}
	if version != "backstage.io/v1alpha1" && version != "backstage.io/v1beta1" {
		s.fault("apiVersion", at(s.lines.Line("apiVersion")), "is backstage.io/v1alpha1, not %q", clip(version))
	}
	s.need("metadata.name", root, e.Name)
	s.component(root, &e)
	return e
}

// component reads what a Component says of the service. Backstage lets anybody
// add keys, so what is not known is passed over.
func (s *scan) component(root *yaml.Node, e *Entity) {
	s.noFetching(root)
	var owner, slug string
	service := &e.Service
	before := len(s.faults)
	s.object(map[string]field{
		"metadata": s.object(map[string]field{
			"title":       s.text(&service.Title),
			"description": s.text(&service.Description),
			"annotations": s.object(map[string]field{"github.com/project-slug": s.text(&slug)}, false),
			"links":       s.list(s.link(&service.Links, "link")),
			"tags":        s.texts(&service.Tags),
		}, false),
		"spec": s.object(map[string]field{
			"type": s.text(&e.Type), "lifecycle": s.text(&e.Lifecycle), "owner": s.text(&owner),
		}, false),
	}, false)("", root)
	if len(s.faults) > before || e.Name == "" {
		return
	}
	s.need("spec.owner", root, owner)
	service.Name = s.named(e, "metadata.name", e.Name)
	if owner != "" {
		s.owner(e, owner)
	}
	if slug != "" {
		const path = "metadata.annotations.github.com/project-slug"
		if projectSlug.MatchString(slug) {
			service.Repository = "https://github.com/" + slug
		} else {
			s.fault(path, at(s.lines.Line(path)), "is owner/repository, not %q", clip(slug))
		}
	}
	for i, tag := range service.Tags {
		path := fmt.Sprintf("metadata.tags[%d]", i)
		if len(tag) > 63 || !backstageTag.MatchString(tag) {
			s.fault(path, at(s.lines.Line(path)), "may hold a-z, 0-9, :, +, # and single -, and is at most 63 long")
		}
	}
	s.checked(*service)
}

// checked adds the faults of the service as such. Its name and team have been
// looked at where they come from.
func (s *scan) checked(service slipway.Service) {
	for _, fault := range service.Validate() {
		if fault.Field != "name" && fault.Field != "team" && fault.Field != "repository" {
			path := "metadata." + fault.Field
			s.fault(path, at(s.lines.Line(path)), "%s", fault.Message)
		}
	}
}

// owner maps the owning group to the team of that name.
func (s *scan) owner(e *Entity, text string) {
	const path = "spec.owner"
	ref, ok := parseRef(text, "group")
	switch {
	case !ok:
		s.fault(path, at(s.lines.Line(path)), "is [kind:][namespace/]name, not %q", clip(text))
		return
	case !strings.EqualFold(ref.Kind, "group"):
		s.fault(path, at(s.lines.Line(path)), "is a %s; a service belongs to a team, so name a group", clip(ref.Kind))
		return
	case ref.Namespace != "default":
		e.Notes = append(e.Notes, fmt.Sprintf("Slipway has no namespaces; the owner %s is the team %s.", text, ref.Name))
	}
	e.Owner = ref
	e.Service.Team = s.named(e, path, ref.Name)
}

// named maps a Backstage name to one of ours: Billing_API is billing-api. What
// still does not fit is reported, never bent further.
func (s *scan) named(e *Entity, path, name string) string {
	if !backstageName.MatchString(name) {
		s.fault(path, at(s.lines.Line(path)), "%q is no name; it may hold letters, digits, -, _ and ., begins and ends with a letter or digit, and is at most 63 long", clip(name))
		return ""
	}
	ours := strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(name))
	if fault := slipway.CheckName(ours); fault != "" {
		s.fault(path, at(s.lines.Line(path)), "%q %s", clip(name), fault)
	}
	if ours != name {
		e.Notes = append(e.Notes, fmt.Sprintf("%s is called %s here.", name, ours))
	}
	return ours
}

func parseRef(text, kind string) (Ref, bool) {
	ref := Ref{Kind: kind, Namespace: "default", Name: text}
	if before, after, ok := strings.Cut(ref.Name, ":"); ok {
		ref.Kind, ref.Name = before, after
	}
	if before, after, ok := strings.Cut(ref.Name, "/"); ok {
		ref.Namespace, ref.Name = before, after
	}
	return ref, backstageName.MatchString(ref.Kind) && backstageName.MatchString(ref.Namespace) && backstageName.MatchString(ref.Name)
}

// noFetching refuses placeholders that ask the reader to fetch a file or a URL:
// following them would let a file reach into the network behind the portal.
func (s *scan) noFetching(n *yaml.Node) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			switch child.Value {
			case "$text", "$json", "$yaml", "$openapi", "$asyncapi", "$graphql":
				s.fault(child.Value, child, "would fetch another file, which Slipway never does; write the content here")
			}
		}
		s.noFetching(child)
	}
}

// unique refuses two components that are the same to Backstage, which ignores
// case, or that would become the same service.
func (s *scan) unique(entities []Entity) {
	seen, services := map[string]int{}, map[string]int{}
	for _, e := range entities {
		if e.Name == "" {
			continue
		}
		key := strings.ToLower(e.Kind + ":" + e.Namespace + "/" + e.Name)
		if first, twice := seen[key]; twice {
			s.fault("metadata.name", at(e.Line), "%s %s is in the file twice, first in line %d", clip(e.Kind), clip(e.Name), first)
			continue
		}
		seen[key] = e.Line
		if e.Service.Name == "" {
			continue
		}
		if first, twice := services[e.Service.Name]; twice {
			s.fault("metadata.name", at(e.Line), "%s would be the service %s, as the component in line %d is", clip(e.Name), e.Service.Name, first)
			continue
		}
		services[e.Service.Name] = e.Line
	}
}
