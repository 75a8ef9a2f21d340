package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"time"

	"github.com/slipway-dev/slipway/deployers"
	"github.com/slipway-dev/slipway/deployers/fake"
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/demoapp"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func days(n float64) time.Duration    { return time.Duration(n * 24 * float64(time.Hour)) }
func hours(n float64) time.Duration   { return time.Duration(n * float64(time.Hour)) }
func minutes(n float64) time.Duration { return time.Duration(n * float64(time.Minute)) }
func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// story is what happened, in no order; Seed sorts it by time.
func (s *stage) story() []scene {
	var all []scene
	add := func(scenes ...[]scene) {
		for _, group := range scenes {
			all = append(all, group...)
		}
	}
	add(
		s.shipped("billing-api", "1.41.0", "teal", days(13), "production", "Invoices carry the order number", "Retry the tax service twice"),
		s.shipped("billing-api", "1.41.2", "teal", days(6), "production", "Do not round twice", "Log the tax rate that was used"),
		s.shipped("billing-api", "1.42.0", "indigo", hours(5), "staging", "Round half to even in invoice totals", "Ask the tax service with its own key", "Drop the old rounding table"),
		s.shipped("billing-api", "1.43.0", "#8a3ffc", minutes(8), "dev", "Credit notes in the customer's currency"),
		s.shipped("ledger", "0.9.0", "", days(9), "production", "Close the books by day"),
		s.shipped("ledger", "0.9.1", "", hours(4), "production", "Index entries by account"),
		s.shipped("payout-worker", "2.1.7", "", days(12), "production", "Pay in batches of fifty"),
		s.shipped("payout-worker", "2.2.0", "", days(1), "dev", "Hold payouts over the limit"),
		s.shipped("web", "5.1.7", "seagreen", days(7), "production", "Smaller images on phones"),
		s.shipped("web", "5.1.8", "seagreen", days(2), "production", "Remember the size of the basket", "Say what delivery costs before the last step"),
		s.shipped("web", "5.2.0", "crimson", minutes(25), "dev", "New product page", "Move to the new image service"),
		s.shipped("search", "3.0.2", "", days(5), "production", "Synonyms for sizes"),
		s.shipped("search", "3.0.3", "", hours(3), "production", "Rank by what people keep"),
		s.shipped("checkout", "1.0.8", "darkorange", days(1), "production", "Accept gift cards"),
		s.shipped("checkout", "1.0.9", "chocolate", hours(2), "staging", "Gift cards may pay for delivery"),
		s.shipped("gateway", "7.4.1", "", days(4), "edge", "Cut slow clients off"),
		s.shipped("gateway", "7.5.0", "", hours(6), "production", "Pass the trace header on"),
		s.shipped("assets", "41", "", hours(4), "staging", "Fonts in woff2"),
	)
	return append(all, s.incidents()...)
}

// incidents are what did not go by the book.
func (s *stage) incidents() []scene {
	return []scene{
		{minutes(40), s.ask("billing-api", "1.42.0", "production", "Invoice rounding fix, finance is waiting for it.", s.People.Developer)},
		{minutes(12), func(ctx context.Context) error {
			return s.approve(ctx, "billing-api", "production", s.People.Admin, "Checked the totals against last month.")
		}},
		{minutes(15), s.promotesBadly("web", "5.2.0", "staging", "GET /healthz answered 503")},
		{minutes(31), func(ctx context.Context) error {
			d, err := s.app.Rollback(ctx, s.actor(s.People.Approver), app.Rollback{Service: "search", Environment: "production", Reason: "Empty results for plurals"})
			if err != nil {
				return err
			}
			_, err = s.play(ctx, d.ID)
			return err
		}},
		{hours(1), func(ctx context.Context) error {
			return s.freezeEdge(ctx)
		}},
		{minutes(30), s.ask("checkout", "1.0.9", "production", "", s.People.Developer)},
	}
}

func (s *stage) freezeEdge(ctx context.Context) error {
	until := s.Now.Truncate(24 * time.Hour).Add(32 * time.Hour) // 08:00 UTC tomorrow
	_, err := s.app.AddFreeze(ctx, s.actor(s.People.Admin), app.AddFreeze{Environment: "edge", Reason: "Sale weekend: nothing changes at the edge", Until: until})
	return err
}

// shipped is a release and its way to an environment, approved where asked.
// It ends there so long ago.
func (s *stage) shipped(service, version, colour string, ago time.Duration, to string, subjects ...string) []scene {
	way := []string{"dev", "staging", "production", "edge"}
	// Each station before the last was reached a while earlier, the release
	// made before that; soaks have had their hour.
	gap := hours(1.4)
	var scenes []scene
	n := 0
	for i, environment := range way {
		if environment == to {
			n = i
		}
	}
	scenes = append(scenes, scene{ago + time.Duration(n)*gap + minutes(6), func(ctx context.Context) error {
		return s.release(ctx, service, version, colour, subjects)
	}})
	for i := 0; i <= n; i++ {
		environment := way[i]
		scenes = append(scenes, scene{ago + time.Duration(n-i)*gap, func(ctx context.Context) error {
			return s.ship(ctx, service, version, environment)
		}})
	}
	return scenes
}

func (s *stage) ship(ctx context.Context, service, version, environment string) error {
	d, err := s.app.Promote(ctx, s.actor(s.owner(service)), app.Promote{Service: service, Version: version, Environment: environment})
	if err != nil {
		return err
	}
	if d, err = s.play(ctx, d.ID); err != nil {
		return err
	}
	for _, approver := range []slipway.User{s.People.Approver, s.People.Admin} {
		if d.State != slipway.Waiting || d.RequestedBy.ID == approver.ID {
			continue
		}
		if err := s.approve(ctx, service, environment, approver, ""); err != nil {
			return err
		}
		if d, err = s.play(ctx, d.ID); err != nil {
			return err
		}
	}
	if d.State != slipway.Succeeded {
		return fmt.Errorf("%s %s in %s ended %s: %s", service, version, environment, d.State, d.Message)
	}
	return nil
}

// owner is who releases a service: the platform team's are the admin's.
func (s *stage) owner(service string) slipway.User {
	if service == "gateway" || service == "assets" {
		return s.People.Admin
	}
	return s.People.Developer
}

func (s *stage) ask(service, version, environment, note string, by slipway.User) func(context.Context) error {
	return func(ctx context.Context) error {
		d, err := s.app.Promote(ctx, s.actor(by), app.Promote{Service: service, Version: version, Environment: environment, Note: note})
		if err != nil {
			return err
		}
		_, err = s.play(ctx, d.ID)
		return err
	}
}

func (s *stage) approve(ctx context.Context, service, environment string, by slipway.User, comment string) error {
	var d slipway.Deployment
	err := s.Store.Read(ctx, func(tx slipway.Tx) (err error) {
		d, err = tx.Deployments().Active(ctx, service, environment)
		return err
	})
	if err != nil {
		return err
	}
	_, err = s.app.Approve(ctx, s.actor(by), app.Approve{Deployment: d.ID, PlanDigest: d.PlanDigest, Comment: comment})
	if err != nil {
		return err
	}
	_, err = s.engine.Step(ctx, d.ID)
	return err
}

// promotesBadly is a promotion that the deployer is told to fail.
func (s *stage) promotesBadly(service, version, environment, why string) func(context.Context) error {
	return func(ctx context.Context) error {
		f := s.fakes[s.deployer("process", 1).Name]
		if err := f.SetScript(ctx, deployers.Target{Service: service, Environment: environment}, version, fake.Script{Fail: why}); err != nil {
			return err
		}
		d, err := s.app.Promote(ctx, s.actor(s.People.Developer), app.Promote{Service: service, Version: version, Environment: environment})
		if err != nil {
			return err
		}
		_, err = s.play(ctx, d.ID)
		return err
	}
}

// release makes a release known, as CI would. What the process deployer runs is
// a real file with a real digest.
func (s *stage) release(ctx context.Context, service, version, colour string, subjects []string) error {
	sum := sha256.Sum256([]byte(service + " " + version))
	artifact := slipway.Artifact{Name: "app", Reference: "registry.example.com/" + service + ":" + version, Digest: "sha256:" + hex.EncodeToString(sum[:])}
	if colour != "" {
		path, digest, err := demoapp.WriteBundle(filepath.Join(s.Dir, "artifacts"), demoapp.Bundle{Service: service, Version: version, Colour: colour})
		if err != nil {
			return err
		}
		artifact.Reference, artifact.Digest = "file://"+path, digest
	}
	content := slipway.ReleaseContent{Artifacts: []slipway.Artifact{artifact}, Reversible: true,
		Commit: hex.EncodeToString(sum[:20]), Config: configOf(service, version),
		Provenance: slipway.Provenance{Builder: "https://ci.example.com", Source: "https://git.example.com/" + service, RunURL: "https://ci.example.com/" + service + "/" + version}}
	authors := []string{"Jonas Lind", "Mira Holm"}
	for i, subject := range subjects {
		at := s.clock.Add(-time.Duration(i+1) * 50 * time.Minute)
		content.Changes = append(content.Changes, slipway.Change{Commit: hex.EncodeToString(sum[i+1 : i+21-len(subjects)]), Subject: subject, Author: authors[i%2], At: &at})
	}
	_, _, err := s.app.CreateRelease(ctx, s.actor(s.owner(service)), app.CreateRelease{Service: service, Version: version, Content: content})
	return err
}

func configOf(service, version string) map[string]string {
	switch service + " " + version {
	case "billing-api 1.41.0", "billing-api 1.41.2":
		return map[string]string{"ROUNDING": "half_up", "TAX_TIMEOUT": "5s"}
	case "billing-api 1.42.0", "billing-api 1.43.0":
		return map[string]string{"ROUNDING": "half_even", "TAX_TIMEOUT": "5s", "TAX_RETRIES": "2"}
	}
	return map[string]string{"LOG_LEVEL": "info"}
}
