package server

import (
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// maxTopics bounds what one stream may follow.
const maxTopics = 16

// topicsOf names what an event is news for. Lines of a log and the like are
// news on the page of their deployment only: they come by the second, and the
// board does not show them.
func topicsOf(e slipway.DomainEvent) []string {
	var topics []string
	add := func(t string) {
		if !slices.Contains(topics, t) {
			topics = append(topics, t)
		}
	}
	if e.Deployment != 0 {
		add("deployment:" + strconv.FormatInt(e.Deployment, 10))
		if e.Kind == "deployment.log" {
			return topics
		}
		add("inbox")
		add("board")
	}
	if e.Service != "" {
		add("service:" + e.Service)
		add("board")
	}
	if e.Service == "" && e.Deployment == 0 && forAll(e) {
		add("inbox")
		add("board")
	}
	return topics
}

// forAll picks what changes everybody's pages: environments, freezes, stop the
// line, and who may see what. That people sign in and make tokens does not.
func forAll(e slipway.DomainEvent) bool {
	kind, _, _ := strings.Cut(e.Kind, ".")
	return e.Environment != "" || !slices.Contains([]string{"person", "token"}, kind)
}

// parseTopics reads the topics of a request and what they ask of the catalog.
func parseTopics(text string) ([]string, app.Watch, error) {
	var topics []string
	var watch app.Watch
	for _, t := range strings.Split(text, ",") {
		if t == "" || slices.Contains(topics, t) {
			continue
		}
		kind, name, named := strings.Cut(t, ":")
		switch {
		case !named && (kind == "board" || kind == "inbox"):
		case kind == "service" && slipway.CheckName(name) == "":
			watch.Services = append(watch.Services, name)
		case kind == "deployment":
			id, err := strconv.ParseInt(name, 10, 64)
			if err != nil || id <= 0 || strconv.FormatInt(id, 10) != name {
				return nil, app.Watch{}, badTopics("a deployment is followed by its number")
			}
			watch.Deployments = append(watch.Deployments, id)
		default:
			return nil, app.Watch{}, badTopics("are board, inbox, service:NAME and deployment:NUMBER, separated by commas")
		}
		topics = append(topics, t)
	}
	if len(topics) == 0 || len(topics) > maxTopics {
		return nil, app.Watch{}, badTopics("are between 1 and " + strconv.Itoa(maxTopics))
	}
	return topics, watch, nil
}

func badTopics(message string) error {
	return slipway.Invalid("The stream", []slipway.FieldError{{Field: "topics", Message: message}})
}
