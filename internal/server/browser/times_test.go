package browser_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestTimesInTheZoneOfAPerson: pages show, and forms take, the time of the place
// that somebody chose; others go on to read UTC.
func TestTimesInTheZoneOfAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	const look, places = "/settings/appearance", "/settings/environments"
	w.get("Ana", "/s/billing-api/production").says("Times in UTC", "Start at (UTC)")
	w.fill("Ana", look, look, "times", "local", "zone", "Atlantis").status(http.StatusUnprocessableEntity).says("Is a name such as Europe/Stockholm.")
	w.fill("Ana", look, look, "times", "local", "zone", "Local").status(http.StatusUnprocessableEntity)
	w.fill("Ana", look, look, "times", "local", "zone", "Asia/Kathmandu").leadsTo(look)

	page := w.get("Ana", "/s/billing-api/production").says("Times in +0545", "Start at (+0545)").page()
	if times := elements(page, "time"); len(times) == 0 || !strings.HasSuffix(attr(times[0], "title"), "+0545") || !strings.HasSuffix(attr(times[0], "datetime"), "Z") {
		t.Errorf("times are not those of Kathmandu")
	}
	w.fill("Ana", places, "/settings/freezes", "environment", "production", "reason", "quarter end", "until", "2026-12-01T05:45").leadsTo(places)
	w.get("Ana", places).says("Frozen until Tue 1 Dec 05:45")
	w.get("Ben", places).says("Frozen until Tue 1 Dec 00:00", "Times in UTC")

	// The menu sends one thing alone, and leaves the others as they were.
	w.send("Ana", http.MethodPost, look, url.Values{"theme": {"dark"}, "return": {"/inbox"}}).leadsTo("/inbox")
	w.get("Ana", "/inbox").says("Times in +0545")
	w.send("Ana", http.MethodPost, look, url.Values{"times": {"utc"}, "return": {"/inbox"}}).leadsTo("/inbox")
	if html := w.get("Ana", "/inbox").says("Times in UTC").Body.String(); !strings.Contains(html, `data-theme="dark"`) {
		t.Error("the theme is gone")
	}
	// Without script nobody says where the browser is, so it is asked.
	w.send("Ana", http.MethodPost, look, url.Values{"times": {"local"}}).leadsTo(look + "#times")
	w.send("Ana", http.MethodPost, look, url.Values{"times": {"local"}, "zone_here": {"Europe/Stockholm"}, "return": {"/inbox"}}).leadsTo("/inbox")
	w.get("Ana", "/inbox").says("Times in CET")
}
