package storetest

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func testSealed(t *testing.T, f fixture) {
	row := func(path string, version int, keyID string) slipway.SealedRow {
		return slipway.SealedRow{Path: path, Version: version, Keys: []string{"A", "B"}, KeyID: keyID,
			Wrapped: []byte{0, 1, 255}, Sealed: []byte{9, 0, 8}, At: noon()}
	}
	first, second, other := row("a/b", 1, "old"), row("a/b", 2, "new"), row("a/c", 1, "old")
	f.write(t, func(tx slipway.Tx) error {
		for _, r := range []slipway.SealedRow{first, second, other} {
			if err := tx.Sealed().Add(f.ctx, r); err != nil {
				return err
			}
		}
		refused(t, "the same version again", tx.Sealed().Add(f.ctx, row("a/b", 2, "new")), slipway.CodeConflict)
		return nil
	})
	deleted := noon().Add(time.Second)
	f.write(t, func(tx slipway.Tx) error {
		second.DeletedAt = &deleted
		if err := tx.Sealed().Mark(f.ctx, second); err != nil {
			return err
		}
		first.KeyID, first.Wrapped = "new", []byte{7}
		return tx.Sealed().Rewrap(f.ctx, first)
	})
	f.read(t, func(tx slipway.Tx) error {
		for _, want := range []slipway.SealedRow{first, second} {
			got, err := tx.Sealed().Get(f.ctx, want.Path, want.Version)
			if err != nil {
				return err
			}
			same(t, "row", got, want)
		}
		versions, err := tx.Sealed().Versions(f.ctx, "a/b")
		if err != nil {
			return err
		}
		bare := func(r slipway.SealedRow) slipway.SealedRow { r.Wrapped, r.Sealed = nil, nil; return r }
		same(t, "versions", versions, []slipway.SealedRow{bare(second), bare(first)})
		under, err := tx.Sealed().NotUnder(f.ctx, "new", 10)
		same(t, "under other keys", under, []slipway.SealedRow{other})
		_, missing := tx.Sealed().Get(f.ctx, "a/b", 3)
		refused(t, "a version that is not there", missing, slipway.CodeNotFound)
		return err
	})
	f.write(t, func(tx slipway.Tx) error {
		first.Destroyed = true
		return tx.Sealed().Mark(f.ctx, first)
	})
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Sealed().Get(f.ctx, "a/b", 1)
		if len(got.Wrapped)+len(got.Sealed)+len(got.Keys) > 0 || !got.Destroyed {
			t.Errorf("destroyed, it is still %+v", got)
		}
		return err
	})
}

func testSecretBook(t *testing.T, f fixture) {
	f.seed(t, "api")
	since := noon()
	views := []slipway.SecretView{
		{Path: "a/b", Version: 3, Keys: []string{"A"}, Versions: []slipway.SecretVersion{{Version: 3, At: noon()}}, At: noon()},
		{Path: "a/b", Keys: []string{}, Versions: []slipway.SecretVersion{}, Fault: slipway.SecretSealed, Problem: "Vault is sealed.", Since: &since},
	}
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Secrets().View(f.ctx, "api", "staging")
		same(t, "view before anybody looked", got, slipway.SecretView{})
		return err
	})
	for _, want := range views {
		f.write(t, func(tx slipway.Tx) error { return tx.Secrets().PutView(f.ctx, "api", "staging", want) })
		f.read(t, func(tx slipway.Tx) error {
			got, err := tx.Secrets().View(f.ctx, "api", "staging")
			if err != nil {
				return err
			}
			same(t, "view", got, want)
			all, err := tx.Secrets().Views(f.ctx)
			same(t, "views", all, []slipway.SeenSecrets{{Team: "payments", Service: "api", Environment: "staging", View: want}})
			return err
		})
	}
	change := func(path string, version int) slipway.SecretChange {
		return slipway.SecretChange{Service: "api", Environment: "staging", Path: path, Version: version, Action: "set",
			Keys: []string{"A"}, By: "ana", ByName: "Ana", At: noon()}
	}
	f.write(t, func(tx slipway.Tx) error {
		for _, c := range []slipway.SecretChange{change("a/b", 1), change("a/c", 1), change("a/b", 2), change("a/b", 3)} {
			if err := tx.Secrets().AddChange(f.ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Secrets().Changes(f.ctx, "a/b", 2)
		same(t, "changes", got, []slipway.SecretChange{change("a/b", 3), change("a/b", 2)})
		return err
	})
}

func testSecretMarks(t *testing.T, f fixture) {
	f.seed(t, "api", "web")
	mark := func(service, key string, restricted bool, open, pending int) slipway.SecretMark {
		return slipway.SecretMark{Service: service, Environment: "staging", Key: key, Restricted: restricted, OpenFrom: open, Pending: pending, By: "ana", ByName: "Ana", At: noon()}
	}
	f.write(t, func(tx slipway.Tx) error {
		for _, m := range []slipway.SecretMark{mark("api", "B", true, 0, 0), mark("api", "A", true, 2, 4), mark("web", "A", true, 0, 0), mark("api", "B", false, 7, 6)} {
			if err := tx.SecretMarks().Put(f.ctx, m); err != nil {
				return err
			}
		}
		return nil
	})
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.SecretMarks().Of(f.ctx, "api", "staging")
		same(t, "marks, by key", got, slipway.SecretMarks{mark("api", "A", true, 2, 4), mark("api", "B", false, 7, 6)})
		return err
	})
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.SecretMarks().Of(f.ctx, "api", "production")
		if len(got) > 0 {
			t.Errorf("marks of another environment: %+v", got)
		}
		return err
	})
}

func testProposals(t *testing.T, f fixture) {
	f.seed(t, "api", "web")
	asked := func(service string, at time.Time) slipway.SecretProposal {
		return slipway.SecretProposal{Team: "web", Service: service, Environment: "staging", Path: "a/b", Over: 3, Action: "set", Verb: "sets", Keys: []string{"A", "B"},
			Removes: []string{"B"}, Replace: true, Digest: "sha256:1", Draft: "d", Rule: slipway.ApprovalGate{Count: 2, Groups: []string{"sre"}, Expires: 5}, State: slipway.ProposalPending,
			Message: "Waits.", RequestedBy: slipway.Person{Kind: slipway.ActorUser, ID: "ana", Name: "Ana"}, TokenID: "t", Via: slipway.ViaREST, CreatedAt: at,
			Votes: []slipway.Vote{{ID: 1, PlanDigest: "sha256:1", Decision: slipway.Approve, By: "ben", ByName: "Ben", Groups: []string{"sre"}, At: at}}}
	}
	var first, second, other slipway.SecretProposal
	f.write(t, func(tx slipway.Tx) (err error) {
		if first, err = tx.Proposals().Insert(f.ctx, asked("api", noon())); err != nil {
			return err
		}
		if second, err = tx.Proposals().Insert(f.ctx, asked("api", noon().Add(time.Second))); err != nil {
			return err
		}
		other, err = tx.Proposals().Insert(f.ctx, asked("web", noon()))
		return err
	})
	want := asked("api", noon())
	want.ID, want.Epoch = first.ID, 1
	same(t, "inserted", first, want)
	stale := first
	f.write(t, func(tx slipway.Tx) (err error) {
		first, err = tx.Proposals().Save(f.ctx, first.Ended(slipway.ProposalApplied, "Made.", noon().Add(time.Minute)))
		return err
	})
	f.write(t, func(tx slipway.Tx) error {
		_, err := tx.Proposals().Save(f.ctx, stale)
		refused(t, "over an older epoch", err, slipway.CodeConflict)
		stale.ID = 99
		_, err = tx.Proposals().Save(f.ctx, stale)
		refused(t, "one that is not there", err, slipway.CodeNotFound)
		return nil
	})
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Proposals().Get(f.ctx, first.ID)
		if err != nil {
			return err
		}
		same(t, "saved", got, first)
		open, err := tx.Proposals().Open(f.ctx)
		if err != nil {
			return err
		}
		same(t, "open, oldest first", open, []slipway.SecretProposal{second, other})
		of, err := tx.Proposals().Of(f.ctx, "api", 5)
		same(t, "of a service, newest first", of, []slipway.SecretProposal{second, first})
		return err
	})
}
