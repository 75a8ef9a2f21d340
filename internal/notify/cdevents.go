package notify

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// CDEvents tell the same in words that other tools know, in the binary mode of
// CloudEvents over HTTP: the attributes are headers, the body is the whole
// CDEvent.

const cdSpec = "0.6.0-draft"

type cdContext struct {
	Version   string    `json:"specversion"`
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
}

type cdSubject struct {
	ID      string `json:"id"`
	Source  string `json:"source"`
	Content any    `json:"content"`
}

type cdReference struct {
	ID     string `json:"id"`
	Source string `json:"source,omitempty"`
}

type cdService struct {
	Environment cdReference `json:"environment"`
	ArtifactID  string      `json:"artifactId"`
}

type cdEnvironment struct {
	Name string `json:"name"`
	URI  string `json:"uri,omitempty"`
}

type cdIncident struct {
	Description string       `json:"description"`
	Environment cdReference  `json:"environment"`
	Service     *cdReference `json:"service,omitempty"`
	ArtifactID  string       `json:"artifactId,omitempty"`
}

type cdApproval struct {
	Details   string `json:"approvalDetailsUrl"`
	Target    string `json:"resourceTargetUrl"`
	Requestor string `json:"requestor"`
	Responder string `json:"responder,omitempty"`
	Decision  string `json:"decision,omitempty"`
	Status    string `json:"status,omitempty"`
}

// cdVersions are the versions of the types by the first word of their name.
func cdVersion(form string) string {
	if strings.HasPrefix(form, "approval.") {
		return "0.1.0"
	}
	return "0.3.0"
}

// cdevent writes a delivery as a CDEvent: its body, and the attributes as headers.
func cdevent(source string, l Letter) ([]byte, http.Header, error) {
	n := l.Delivery.Notice
	c := cdContext{Version: cdSpec, ID: eventID(l.Delivery), Source: source, Type: "dev.cdevents." + n.Form + "." + cdVersion(n.Form), Timestamp: n.Event.At.UTC()}
	subject := cdSubjectOf(source, l)
	body, err := json.Marshal(map[string]any{"context": c, "subject": subject,
		"customDataContentType": "application/json", "customData": map[string]any{"message": n.Event.Message, "url": l.Page, "deployment": n.Deployment, "team": n.Event.Team}})
	header := http.Header{}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Id": c.ID, "Ce-Source": headerText(source), "Ce-Type": c.Type,
		"Ce-Subject": headerText(subject.ID), "Ce-Time": c.Timestamp.Format(time.RFC3339Nano),
	} {
		header.Set(name, value)
	}
	return body, header, err
}

// headerText escapes what may not stand in a header, as the binding says: all but
// printable ASCII, and the quotation mark and the percent sign.
func headerText(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c <= ' ' || c == '"' || c == '%' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func cdSubjectOf(source string, l Letter) cdSubject {
	n := l.Delivery.Notice
	e := n.Event
	s := cdSubject{Source: source}
	environment := cdReference{ID: e.Environment, Source: source}
	switch kind, _, _ := strings.Cut(n.Form, "."); kind {
	case "service":
		s.ID = e.Service
		s.Content = cdService{Environment: environment, ArtifactID: purl(e.Service, n)}
	case "environment":
		s.ID = e.Environment
		s.Content = cdEnvironment{Name: e.Environment, URI: l.Page}
	case "incident":
		s.ID = "deployment/" + strconv.FormatInt(n.Incident, 10)
		s.Content = cdIncident{Description: e.Message, Environment: environment, Service: &cdReference{ID: e.Service, Source: source}, ArtifactID: purl(e.Service, n)}
	case "approval":
		s.ID = "deployment/" + strconv.FormatInt(n.Deployment.ID, 10)
		s.Content = cdApprovalOf(source, n)
	}
	return s
}

func cdApprovalOf(source string, n slipway.Notice) cdApproval {
	d := n.Deployment
	a := cdApproval{Details: source + "/gates/" + strconv.FormatInt(d.ID, 10), Target: source + "/s/" + url.PathEscape(n.Event.Service) + "/" + url.PathEscape(n.Event.Environment),
		Requestor: personURN(d.RequestedBy.Name)}
	switch n.Form {
	case "approval.updated":
		a.Responder, a.Decision = personURN(n.Event.Actor), n.Decision
	case "approval.closed":
		a.Responder, a.Status = personURN("Slipway"), n.Decision
		if n.Decision == "rejected" {
			a.Responder = personURN(n.Event.Actor)
		}
	}
	return a
}

// personURN names who did something. The portal knows people by a number of its
// own; their name is what others can use.
func personURN(name string) string {
	return "urn:slipway:person:" + url.PathEscape(cmp.Or(name, "unknown"))
}

// purl names what was released: the image by its digest where there is one, or
// else the service with its version.
func purl(service string, n slipway.Notice) string {
	d := n.Deployment
	if d == nil {
		return ""
	}
	artifacts, version := d.Artifacts, d.Version
	if n.Event.Kind == "deployment.rolledBack" && d.Previous != "" && n.Form == "service.rolledback" {
		artifacts, version = d.Before, d.Previous // what is live again
	}
	if len(artifacts) == 0 || artifacts[0].Digest == "" {
		return "pkg:generic/" + url.PathEscape(service) + "@" + url.PathEscape(version)
	}
	a := artifacts[0]
	repository, _, _ := strings.Cut(a.Reference, "@")
	if colon := strings.LastIndexByte(repository, ':'); colon > strings.LastIndexByte(repository, '/') {
		repository = repository[:colon]
	}
	name := path.Base(cmp.Or(repository, service))
	text := "pkg:oci/" + url.PathEscape(strings.ToLower(name)) + "@" + strings.ReplaceAll(url.QueryEscape(a.Digest), "+", "%20")
	if strings.Contains(repository, "/") {
		text += "?repository_url=" + url.QueryEscape(repository)
	}
	return text
}
