package chat_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/e2e/portal"
)

// Where the day in chat is told beside the channels that were asked in.
const (
	slackRoute  = "C9"
	matterRoute = "chan9"
)

// routes lead what happens in production to a channel of each chat system.
func (s *story) routes() {
	s.t.Helper()
	for channel, address := range map[string]string{"slack": slackRoute, "mattermost": matterRoute} {
		s.Must(s.t, http.MethodPost, "/api/v1/notification-routes", map[string]any{"name": channel, "service": "till", "environment": "production",
			"kinds": []string{"deployment.succeeded"}, "channel": channel, "address": address}, nil)
	}
}

// wants is somebody who says where they want to be told, and of what.
func (s *story) wants(person, channel string) {
	s.t.Helper()
	token, err := portal.TokenOf(s.t.Context(), s.URL, person)
	if err != nil {
		s.t.Fatal(err)
	}
	status, answer, err := s.Call(s.t.Context(), token, http.MethodPut, "/api/v1/me/notifications", map[string]any{"approvals": true, "urgent": true, "channel": channel,
		"teams": []string{}, "services": []string{"till"}, "kinds": []string{"deployment.rejected"}})
	if err != nil || status != http.StatusOK {
		s.t.Fatalf("%s: %d %s, %v", person, status, answer, err)
	}
}

// toldByRoutes waits until the routes have told all three deployments that went
// well, the last of them a rollback, and people what they follow and are asked.
func (s *story) toldByRoutes(back string) {
	s.t.Helper()
	want := map[string]int{
		"slack " + slackRoute + ": till in production": 3, "mattermost " + matterRoute + ": till in production": 3, // 1.0.0, 1.1.0, and back
		"slack UBEN: not again": 1, "mattermost directUJONAS: not again": 1,
	}
	var got map[string]int
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		if got = s.heard(); fmt.Sprint(got) == fmt.Sprint(want) {
			break
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("told was %v\nwant %v", got, want)
	}
	for where, words := range map[string]string{"Slack": s.lastIn(slackRoute), "Mattermost": s.lastIn(matterRoute)} {
		says(s.t, words, "1.1.0 → 1.0.0 as a rollback, deployment "+back+", asked for by Ben Okafor")
		if s.t.Failed() {
			s.t.Log(where)
		}
	}
}

// asked waits until Ben is asked for his decision in Slack. What he has decided before
// that, he is not asked any more.
func (s *story) asked() {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		if strings.Contains(s.lastIn("UBEN"), "till in production: 1.0.0 waits for your decision") {
			return
		}
	}
	s.t.Fatalf("Ben is not asked: %s", s.lastIn("UBEN"))
}

// heard counts what was said beside the channels that were asked in, and beside
// what people were asked.
func (s *story) heard() map[string]int {
	count := map[string]int{}
	note := func(where, words string) {
		if strings.Contains(words, "waits for your decision") {
			return
		}
		for _, what := range []string{"not again", "till in production"} {
			if strings.Contains(words, what) {
				count[where+": "+what]++
				return
			}
		}
		count[where+": "+words]++
	}
	for _, p := range s.slack.Posts() {
		if p.Channel != "C1" {
			note("slack "+p.Channel, p.Words)
		}
	}
	for _, p := range s.matter.Posts() {
		if p.Channel != "chan1" {
			note("mattermost "+p.Channel, p.Words)
		}
	}
	return count
}

// lastIn is what was said last in a channel of either.
func (s *story) lastIn(channel string) (words string) {
	for _, p := range s.slack.Posts() {
		if p.Channel == channel {
			words = p.Words
		}
	}
	for _, p := range s.matter.Posts() {
		if p.Channel == channel {
			words = p.Words
		}
	}
	return words
}
