package slipway

import (
	"fmt"
	"net/url"
	"regexp"
	"time"
	"unicode/utf8"
)

// Team owns services. Its name is its identity and never changes.
type Team struct {
	Name      string    `json:"name"`
	Title     string    `json:"title"`
	OnCall    string    `json:"onCall,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
}

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
	Links       []Link    `json:"links,omitempty"`
	Tags        []string  `json:"tags,omitempty"`
	Version     int64     `json:"-"` // of the row, for ETag and If-Match
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

// Resource is what permissions on the service are asked for.
func (s Service) Resource(environment string) Resource {
	return Resource{Team: s.Team, Service: s.Name, Environment: environment}
}

// Tier says how much is at stake in an environment.
type Tier string

// The tiers.
const (
	TierDevelopment Tier = "development"
	TierStaging     Tier = "staging"
	TierProduction  Tier = "production"
)

// Environment is a place that services run in. Rank orders the columns of the
// board; lower comes first.
type Environment struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Rank  int    `json:"rank"`
	Tier  Tier   `json:"tier"`
	Lock  *Lock  `json:"lock,omitempty"`
}

// Lock keeps everybody but its owner from starting deployments in one
// environment, until someone unlocks it.
type Lock struct {
	Owner     string    `json:"owner"`
	OwnerName string    `json:"ownerName"`
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"`
}

// Freeze keeps everybody from starting deployments in one environment for a
// stretch of time known beforehand. Rollbacks pass. One that a calendar makes
// has the calendar's number and none of its own.
type Freeze struct {
	ID          int64     `json:"id"`
	Calendar    int64     `json:"calendar,omitempty"`
	Name        string    `json:"name,omitempty"` // of the calendar
	Environment string    `json:"environment"`
	Reason      string    `json:"reason"`
	From        time.Time `json:"from"`
	Until       time.Time `json:"until"`
	By          string    `json:"by"`
}

// Active reports whether the freeze holds at now.
func (f Freeze) Active(now time.Time) bool { return !now.Before(f.From) && now.Before(f.Until) }

// Names go into URLs, paths, metric labels and host names, so they are DNS labels.
var nameRule = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckName says what is wrong with the name of a team, service or environment;
// empty if nothing is.
func CheckName(name string) string {
	if nameRule.MatchString(name) {
		return ""
	}
	if name == "" {
		return "is missing"
	}
	return "may hold a-z, 0-9 and -, begins and ends with a letter or digit, and is at most 63 long"
}

// CheckEnvironmentName is CheckName for environments, which stand behind a
// service's name in addresses (/s/web/production) and so may not be called like
// a page that stands there.
func CheckEnvironmentName(name string) string {
	switch name {
	case "r", "compare", "pipeline", "secrets":
		return "is a word of Slipway's own"
	default:
		return CheckName(name)
	}
}

// CheckURL says what is wrong with a link; empty if nothing is. Only the web's
// own schemes are let in: a javascript: link would run in the reader's session.
func CheckURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "must be an http or https address"
	}
	return ""
}

// Validate lists what is wrong with the service's own fields.
func (s Service) Validate() []FieldError {
	var faults []FieldError
	add := func(field, format string, args ...any) {
		faults = append(faults, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	if fault := CheckName(s.Name); fault != "" {
		add("name", "%s", fault)
	}
	if fault := CheckName(s.Team); fault != "" {
		add("team", "%s", fault)
	}
	if utf8.RuneCountInString(s.Title) > 120 {
		add("title", "is at most 120 characters long")
	}
	if utf8.RuneCountInString(s.Description) > 2000 {
		add("description", "is at most 2000 characters long")
	}
	if s.Repository != "" && CheckURL(s.Repository) != "" {
		add("repository", "%s", CheckURL(s.Repository))
	}
	for i, link := range s.Links {
		if fault := CheckURL(link.URL); fault != "" {
			add(fmt.Sprintf("links[%d].url", i), "%s", fault)
		}
	}
	return faults
}
