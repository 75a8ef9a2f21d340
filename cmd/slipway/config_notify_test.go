package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/secrets/sealed"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/internal/store"
)

func TestSMTPConfiguration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ smtp, says string }{
		{"", ""},
		{"SLIPWAY_SMTP_URL=smtp://slipway@mail.example.com:587 SLIPWAY_SMTP_FROM=slipway@example.com SLIPWAY_SMTP_PASSWORD=p4ssw0rd", ""},
		{"SLIPWAY_SMTP_FROM=slipway@example.com", "SLIPWAY_SMTP_URL: is missing"},
		{"SLIPWAY_SMTP_URL=smtp://slipway@mail.example.com", "SLIPWAY_SMTP_FROM"},
		{"SLIPWAY_SMTP_URL=mail.example.com:25 SLIPWAY_SMTP_FROM=slipway@example.com", "SLIPWAY_SMTP_URL: is smtp://"},
		{"SLIPWAY_SMTP_URL=smtp://u:p4ssw0rd@mail.example.com SLIPWAY_SMTP_FROM=slipway@example.com", "use SLIPWAY_SMTP_PASSWORD"},
	} {
		given, _ := gatherConfig("", strings.Fields(c.smtp))
		_, err := given.mail()
		if (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "p4ssw0rd")) {
			t.Errorf("%s: %v", c.smtp, err)
		}
		var out bytes.Buffer
		given.print(&out)
		if strings.Contains(out.String(), "p4ssw0rd") {
			t.Errorf("%s: a password is printed:\n%s", c.smtp, out.String())
		}
	}
}

// TestRoutesUnderANewKey: the secret of a route is sealed under the new key at the
// start, so that the old one can be forgotten.
func TestRoutesUnderANewKey(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := store.Open(ctx, store.Config{URL: "sqlite:" + t.TempDir() + "/x.db"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	box := func(keys ...byte) *sealed.Box {
		var all [][]byte
		for _, k := range keys {
			all = append(all, bytes.Repeat([]byte{k}, sealed.KeySize))
		}
		b, err := sealed.NewBox(all...)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var r slipway.NotificationRoute
	err = db.Write(ctx, func(tx slipway.Tx) (err error) {
		if r, err = tx.Routes().Add(ctx, slipway.NotificationRoute{Name: "x"}); err != nil {
			return err
		}
		text, err := box(1).Seal(r.SealedAt(), slipway.NewSecret("s3cret"))
		if err != nil {
			return err
		}
		return tx.Routes().PutSealed(ctx, r.ID, text)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := resealRoutes(ctx, db, box(2, 1), newLog(&bytes.Buffer{}, "info")); err != nil {
		t.Fatal(err)
	}
	err = db.Read(ctx, func(tx slipway.Tx) (err error) {
		r, err = tx.Routes().Get(ctx, r.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := box(2).Open(r.SealedAt(), r.Sealed); err != nil || got.Reveal() != "s3cret" {
		t.Errorf("under the new key alone: %v", err)
	}
	if _, err := box(1).Open(r.SealedAt(), r.Sealed); err == nil {
		t.Error("the old key still opens it")
	}
	if _, err := box(2).Open("notification route 9", r.Sealed); err == nil {
		t.Error("it opens in another place")
	}
	spoiled := r.Sealed
	spoiled.Data = append([]byte{}, spoiled.Data...)
	spoiled.Data[len(spoiled.Data)-1] ^= 1
	if _, err := box(2).Open(r.SealedAt(), spoiled); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("what was tampered with opens: %v", err)
	}
}
