package app_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (r *rig) asks(id, code string) slipway.DeviceLogin {
	r.t.Helper()
	return must(r.BeginDevice(r.ctx, app.BeginDevice{ID: id, UserCode: code, Name: "laptop", Address: "192.0.2.1", Scopes: []slipway.Permission{slipway.ServiceRead}}))(r.t)
}

func (r *rig) take(id string) (slipway.Token, app.DeviceAnswer) {
	r.t.Helper()
	t, answer, err := r.TakeDevice(r.ctx, app.TakeDevice{ID: id, TokenID: "tok-" + id, SecretHash: "hash", RequestID: "r", Address: "192.0.2.1"})
	ok(r.t, err)
	return t, answer
}

// TestACommandLineSignsIn goes the whole way, and each turn that it must not take.
func TestACommandLineSignsIn(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.asks("a", "BCDFGHJK")
	if _, answer := r.take("a"); answer != app.DevicePending {
		t.Errorf("before anybody answered: %q", answer)
	}
	if _, answer := r.take("a"); answer != app.DeviceTooFast {
		t.Errorf("at once again: %q", answer)
	}
	r.after(app.DeviceInterval)
	if _, answer := r.take("a"); answer != app.DevicePending {
		t.Errorf("after the interval: %q", answer)
	}
	if d := must(r.Device(r.ctx, dev, "bcdf-ghjk"))(t); d.Name != "laptop" || d.Address != "192.0.2.1" {
		t.Errorf("the person sees %+v", d)
	}
	must(r.DecideDevice(r.ctx, dev, app.DecideDevice{Code: "BCDF-GHJK", Approve: true}))(t)
	refused(t, of(r.DecideDevice(r.ctx, lead, app.DecideDevice{Code: "BCDF-GHJK", Approve: true})), slipway.CodeNotFound) // it is decided
	token, answer := r.take("a")
	if answer != "" || token.OwnerID != dev.ID || token.Name != "command line on laptop" || !token.ExpiresAt.Equal(r.clock().Add(30*24*time.Hour)) || len(token.Scopes) != 1 {
		t.Errorf("%q, and the token is %+v", answer, token)
	}
	actor := must(r.Authenticate(r.ctx, "tok-a", "hash"))(t)
	must(r.Service(r.ctx, actor, "shop"))(t)
	if _, answer := r.take("a"); answer != app.DeviceOver {
		t.Errorf("a second time: %q", answer)
	}
	if _, answer := r.take("nosuch"); answer != app.DeviceOver {
		t.Errorf("what was never asked: %q", answer)
	}
}

func TestACommandLineThatIsNotSignedIn(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.asks("a", "BCDFGHJK")
	must(r.DecideDevice(r.ctx, dev, app.DecideDevice{Code: "BCDFGHJK"}))(t)
	if token, answer := r.take("a"); answer != app.DeviceRefused || token.ID != "" {
		t.Errorf("refused: %q", answer)
	}
	r.asks("b", "CCCCCCCC")
	must(r.DecideDevice(r.ctx, dev, app.DecideDevice{Code: "CCCCCCCC", Approve: true}))(t)
	ok(t, r.store.Write(r.ctx, func(tx slipway.Tx) error {
		u, err := tx.People().User(r.ctx, dev.ID)
		u.Disabled = true
		if err == nil {
			err = tx.People().PutUser(r.ctx, u)
		}
		return err
	}))
	if _, answer := r.take("b"); answer != app.DeviceRefused {
		t.Errorf("whose person is disabled: %q", answer)
	}
	r.asks("c", "DDDDDDDD")
	r.after(app.DeviceTime)
	refused(t, of(r.Device(r.ctx, lead, "DDDDDDDD")), slipway.CodeNotFound)
	if _, answer := r.take("c"); answer != app.DeviceOver {
		t.Errorf("after its time: %q", answer)
	}
	token := lead
	token.TokenID = "x"
	r.asks("d", "FFFFFFFF")
	refused(t, of(r.DecideDevice(r.ctx, token, app.DecideDevice{Code: "FFFFFFFF", Approve: true})), denied, "person at a browser")
	refused(t, of(r.DecideDevice(r.ctx, stranger, app.DecideDevice{Code: "FFFFFFFF", Approve: true})), denied)
	refused(t, of(r.Device(r.ctx, lead, "FFFF")), slipway.CodeNotFound)
}

func TestCommandLinesAreBounded(t *testing.T) {
	t.Parallel()
	r := bare(t)
	begin := func(id, code, address string) error {
		return of(r.BeginDevice(r.ctx, app.BeginDevice{ID: id, UserCode: code, Address: address}))
	}
	letters := slipway.DeviceLetters
	for i := range 20 {
		ok(t, begin(letters[i:i+1], "BBBBBBB"+letters[i:i+1], "192.0.2.1"))
	}
	refused(t, begin("more", "CCCCCCCC", "192.0.2.1"), slipway.CodeUnavailable, "Too many")
	ok(t, begin("other", "CCCCCCCC", "192.0.2.2"))
	r.after(app.DeviceTime)
	ok(t, begin("later", "DDDDDDDD", "192.0.2.1"))
	refused(t, of(r.BeginDevice(r.ctx, app.BeginDevice{ID: "x", UserCode: "FFFFFFFF", Scopes: []slipway.Permission{"moon.walk"}})), slipway.CodeInvalid, "moon.walk")
	refused(t, of(r.BeginDevice(r.ctx, app.BeginDevice{ID: "x", UserCode: "FFFFFFFF", Lifetime: 91 * 24 * time.Hour})), slipway.CodeInvalid, "days")
}
