package app_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Shared by the tests of this package: what is expected of answers.

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must returns what a use case answered, and ends the test if it refused.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

// refused ends the test unless err has the code and says all the words.
func refused(t *testing.T, err error, code slipway.Code, words ...string) *slipway.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("it was allowed, and not refused as %s", code)
	}
	if got := slipway.CodeOf(err); got != code {
		t.Fatalf("it was refused as %s and not as %s: %v", got, code, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Fatalf("the refusal does not say %q: %v", w, err)
		}
	}
	var e *slipway.Error
	errors.As(err, &e)
	return e
}

func of[T any](_ T, err error) error { return err }

// gate is the verdict of a gate among those of a refusal.
func gate(t *testing.T, verdicts []slipway.Verdict, name string) slipway.Verdict {
	t.Helper()
	i := slices.IndexFunc(verdicts, func(v slipway.Verdict) bool { return v.Gate == name })
	if i < 0 {
		t.Fatalf("no gate %s in %+v", name, verdicts)
	}
	return verdicts[i]
}

// audit is the newest entries of the audit, newest first.
func (r *rig) audit(n int) (out []slipway.AuditEntry) {
	r.t.Helper()
	r.read(func(tx slipway.Tx) (err error) {
		out, _, err = tx.Audit().List(r.ctx, slipway.AuditFilter{}, slipway.Page{Limit: n})
		return err
	})
	return out
}

// eventsAfter are the events after an id.
func (r *rig) eventsAfter(id int64) (out []slipway.DomainEvent) {
	r.t.Helper()
	r.read(func(tx slipway.Tx) (err error) { out, err = tx.Events().After(r.ctx, id, 200); return err })
	return out
}

func (r *rig) lastEvent() (id int64) {
	r.t.Helper()
	r.read(func(tx slipway.Tx) (err error) { id, err = tx.Events().LastID(r.ctx); return err })
	return id
}

func versions(releases []slipway.Release) (out []string) {
	for _, r := range releases {
		out = append(out, r.Version)
	}
	return out
}
