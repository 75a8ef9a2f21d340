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
			same(t, "view", got, want)
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
