package rest_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestWhatAPersonIsTold: everybody says for themselves, all of it at once, and is
// refused what they may not read; a machine has no wishes.
func TestWhatAPersonIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const path = "/api/v1/me/notifications"
	mine := func(role string) string {
		return strings.TrimSpace(r.want(http.StatusOK, call{method: "GET", path: path, role: role}).body)
	}
	put := func(role, body string) call {
		return call{method: "PUT", path: path, role: role, body: body, header: map[string]string{"Content-Type": "application/json"}}
	}
	const silent = `{"approvals":true,"teams":[],"services":[],"kinds":[],"channel":"email","urgent":true}`
	if got := mine("viewer"); got != silent {
		t.Errorf("who said nothing has %s", got)
	}
	const wanted = `{"approvals":false,"teams":["web"],"services":["shop"],"kinds":["deployment.*"],"channel":"slack","quiet":{"from":"22:00","until":"07:00","zone":"Europe/Stockholm"},"urgent":false}`
	if a := r.want(http.StatusOK, put("viewer", wanted)); strings.TrimSpace(a.body) != wanted {
		t.Errorf("the answer is %s", a.body)
	}
	if got := mine("viewer"); got != wanted {
		t.Errorf("what was kept is %s", got)
	}
	if got := mine("developer"); got != silent {
		t.Errorf("somebody else has %s", got)
	}
	for body, says := range map[string]string{
		strings.Replace(wanted, "shop", "vault", 1):                        `"field":"services[0]"`,
		strings.Replace(wanted, `["web"]`, `["ops"]`, 1):                   `"field":"teams[0]"`,
		strings.Replace(wanted, "deployment.*", "person.signed-in", 1):     `"field":"kinds"`,
		strings.Replace(wanted, "22:00", "25:00", 1):                       `"field":"quiet.from"`,
		strings.Replace(wanted, "Europe/Stockholm", "Mars", 1):             `"field":"quiet.zone"`,
		strings.Replace(wanted, "slack", "webhook", 1):                     "channel",
		strings.Replace(wanted, `"approvals":false,`, "", 1):               "approvals", // left out is not no
		strings.Replace(wanted, `"urgent":false`, `"urgent":1,"new":2`, 1): "urgent",
	} {
		if a := r.want(http.StatusUnprocessableEntity, put("viewer", body)); !strings.Contains(a.body, says) {
			t.Errorf("%s is refused with %s", body, a.body)
		}
	}
	if got := mine("viewer"); got != wanted {
		t.Errorf("a refusal left %s", got)
	}
	r.want(http.StatusOK, put("viewer", silent))
	if got := mine("viewer"); got != silent {
		t.Errorf("taken back it is %s", got)
	}
}
