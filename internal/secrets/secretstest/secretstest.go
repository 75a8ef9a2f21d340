// Package secretstest is the conformance suite of the port slipway.SecretStore.
// A store that passes it can be used for everything that Slipway does with
// secrets; both of ours run it, Vault's against a real server.
package secretstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Canary is part of every value that the suite writes; none may show.
const Canary = "canary-7f3d"

// Run runs the suite. open gives a store, which tests may share; each test works
// below paths of its own.
func Run(t *testing.T, open func(t *testing.T) slipway.SecretStore) {
	tests := map[string]func(fixture){
		"an empty path":                     testEmpty,
		"values come back as they were":     testValues,
		"a patch leaves the rest":           testPatch,
		"check and set":                     testCheckAndSet,
		"one of many writers wins":          testWriters,
		"versions":                          testVersions,
		"delete and undelete":               testDelete,
		"destroy":                           testDestroy,
		"writing over what is deleted":      testOverDeleted,
		"paths know nothing of each other":  testPaths,
		"errors hold no value":              testErrors,
		"a call that is given up ends soon": testGivenUp,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			t.Cleanup(cancel)
			path := "team/" + strings.ReplaceAll(name, " ", "-") + "/production"
			test(fixture{t, ctx, open(t), path})
		})
	}
}

type fixture struct {
	*testing.T
	ctx  context.Context
	s    slipway.SecretStore
	path string
}

func (f fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// fault demands an error with just this fault.
func (f fixture) fault(what string, err error, want slipway.SecretFault) {
	f.Helper()
	if got := slipway.SecretFaultOf(err); got != want {
		f.Errorf("%s: fault %q (%v), want %q", what, got, err, want)
	}
}

func doc(pairs ...string) map[string]slipway.Secret {
	out := map[string]slipway.Secret{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = slipway.NewSecret(Canary + pairs[i+1])
	}
	return out
}

func one(key, value string) map[string]*slipway.Secret {
	s := slipway.NewSecret(Canary + value)
	return map[string]*slipway.Secret{key: &s}
}

func (f fixture) put(over int, pairs ...string) int {
	f.Helper()
	v, err := f.s.Put(f.ctx, f.path, doc(pairs...), over)
	f.must(err)
	if v != over+1 {
		f.Fatalf("version %d after %d", v, over)
	}
	return v
}

func (f fixture) holds(version int, pairs ...string) {
	f.Helper()
	got, err := f.s.Read(f.ctx, f.path, version)
	f.must(err)
	if want := doc(pairs...); !maps.Equal(got.Values, want) {
		f.Errorf("version %d has keys %v, want %v, or other values", version, slices.Sorted(maps.Keys(got.Values)), slices.Sorted(maps.Keys(want)))
	}
	keys, err := f.s.Keys(f.ctx, f.path, version)
	f.must(err)
	if want := slices.Sorted(maps.Keys(doc(pairs...))); !slices.Equal(keys, want) {
		f.Errorf("keys of version %d: %v, want %v", version, keys, want)
	}
}

func testEmpty(f fixture) {
	f.must(f.s.Health(f.ctx))
	h, err := f.s.History(f.ctx, f.path)
	f.must(err)
	if h.Current != 0 || len(h.Versions) != 0 {
		f.Errorf("history of nothing: %+v", h)
	}
	_, err = f.s.Read(f.ctx, f.path, 0)
	f.fault("read", err, slipway.SecretNone)
	_, err = f.s.Read(f.ctx, f.path, 3)
	f.fault("read a version", err, slipway.SecretNone)
	_, err = f.s.Keys(f.ctx, f.path, 0)
	f.fault("keys", err, slipway.SecretNone)
}

func testValues(f fixture) {
	pairs := []string{"EMPTY", "", "LINES", "a\nb\r\n\tc", "UNICODE", "åäö 🔑", "JSON", `{"a":[1,"<>&"]}`, "BIG", strings.Repeat("x", slipway.MaxSecretValue/2), "dotted.key-1", "v"}
	f.put(0, pairs...)
	f.holds(0, pairs...)
	got, err := f.s.Read(f.ctx, f.path, 0)
	f.must(err)
	if got.Version != 1 {
		f.Errorf("the newest is version %d", got.Version)
	}
}

func testPatch(f fixture) {
	v, err := f.s.Patch(f.ctx, f.path, one("A", "1"), 0)
	f.must(err)
	v, err = f.s.Patch(f.ctx, f.path, one("B", "2"), v)
	f.must(err)
	f.holds(v, "A", "1", "B", "2")
	v, err = f.s.Patch(f.ctx, f.path, one("A", "3"), v)
	f.must(err)
	f.holds(v, "A", "3", "B", "2")
	v, err = f.s.Patch(f.ctx, f.path, map[string]*slipway.Secret{"B": nil}, v)
	f.must(err)
	f.holds(v, "A", "3")
	f.holds(2, "A", "1", "B", "2")
	if v != 4 {
		f.Errorf("four changes made version %d", v)
	}
}

func testCheckAndSet(f fixture) {
	f.put(0, "A", "1")
	f.put(1, "A", "2")
	for _, over := range []int{0, 1, 3} {
		_, err := f.s.Put(f.ctx, f.path, doc("A", "9"), over)
		f.fault(fmt.Sprintf("put over %d", over), err, slipway.SecretMoved)
		if slipway.CodeOf(err) != slipway.CodeConflict {
			f.Errorf("put over %d: %v", over, err)
		}
		_, err = f.s.Patch(f.ctx, f.path, one("A", "9"), over)
		f.fault(fmt.Sprintf("patch over %d", over), err, slipway.SecretMoved)
	}
	f.holds(0, "A", "2")
}

func testWriters(f fixture) {
	f.put(0, "A", "1")
	var wg sync.WaitGroup
	var won atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			_, err := f.s.Patch(f.ctx, f.path, one(fmt.Sprintf("K%d", i), "v"), 1)
			switch {
			case err == nil:
				won.Add(1)
			case slipway.SecretFaultOf(err) != slipway.SecretMoved:
				f.Errorf("writer %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	h, err := f.s.History(f.ctx, f.path)
	f.must(err)
	if won.Load() != 1 || h.Current != 2 {
		f.Errorf("%d writers won, and the newest is version %d", won.Load(), h.Current)
	}
}

func testVersions(f fixture) {
	for i := range 3 {
		f.put(i, "A", fmt.Sprint(i+1))
	}
	h, err := f.s.History(f.ctx, f.path)
	f.must(err)
	var got []int
	for _, v := range h.Versions {
		got = append(got, v.Version)
		if !v.Readable() || v.At.IsZero() || time.Since(v.At) > time.Hour {
			f.Errorf("version %+v", v)
		}
	}
	if h.Current != 3 || !slices.Equal(got, []int{3, 2, 1}) {
		f.Errorf("current %d, versions %v", h.Current, got)
	}
	f.holds(1, "A", "1")
	f.holds(3, "A", "3")
	_, err = f.s.Read(f.ctx, f.path, 4)
	f.fault("a version to come", err, slipway.SecretNone)
}

func testDelete(f fixture) {
	f.put(0, "A", "1")
	f.put(1, "A", "2")
	for range 2 {
		f.must(f.s.Delete(f.ctx, f.path, []int{2}))
	}
	_, err := f.s.Read(f.ctx, f.path, 2)
	f.fault("read", err, slipway.SecretDeleted)
	_, err = f.s.Read(f.ctx, f.path, 0)
	f.fault("read the newest", err, slipway.SecretDeleted)
	_, err = f.s.Keys(f.ctx, f.path, 2)
	f.fault("keys", err, slipway.SecretDeleted)
	h, err := f.s.History(f.ctx, f.path)
	f.must(err)
	if v, ok := h.Find(2); !ok || v.Readable() || v.DeletedAt == nil || v.Destroyed || h.Current != 2 {
		f.Errorf("history %+v", h)
	}
	f.holds(1, "A", "1")
	for range 2 {
		f.must(f.s.Undelete(f.ctx, f.path, []int{2}))
	}
	f.holds(0, "A", "2")
}

func testDestroy(f fixture) {
	f.put(0, "A", "1")
	f.put(1, "A", "2")
	for range 2 {
		f.must(f.s.Destroy(f.ctx, f.path, []int{1}))
	}
	f.must(f.s.Undelete(f.ctx, f.path, []int{1})) // brings nothing back
	_, err := f.s.Read(f.ctx, f.path, 1)
	f.fault("read", err, slipway.SecretDestroyed)
	_, err = f.s.Keys(f.ctx, f.path, 1)
	f.fault("keys", err, slipway.SecretDestroyed)
	h, err := f.s.History(f.ctx, f.path)
	f.must(err)
	if v, ok := h.Find(1); !ok || !v.Destroyed {
		f.Errorf("history %+v", h)
	}
	f.holds(0, "A", "2")
}

func testOverDeleted(f fixture) {
	f.put(0, "A", "1", "B", "1")
	f.must(f.s.Delete(f.ctx, f.path, []int{1}))
	v, err := f.s.Patch(f.ctx, f.path, one("C", "3"), 1)
	f.must(err)
	f.holds(v, "C", "3")
	f.must(f.s.Destroy(f.ctx, f.path, []int{v}))
	v, err = f.s.Patch(f.ctx, f.path, one("D", "4"), v)
	f.must(err)
	f.holds(v, "D", "4")
}

func testPaths(f fixture) {
	f.put(0, "A", "1")
	other := f
	other.path += "-other"
	other.put(0, "A", "2")
	other.put(1, "B", "2")
	f.must(f.s.Destroy(f.ctx, other.path, []int{1, 2}))
	f.holds(0, "A", "1")
}

func testErrors(f fixture) {
	f.put(0, "A", "1")
	f.must(f.s.Delete(f.ctx, f.path, []int{1}))
	stopped, stop := context.WithCancel(f.ctx)
	stop()
	calls := map[string]func() error{
		"put":   func() error { _, err := f.s.Put(f.ctx, f.path, doc("A", "1"), 7); return err },
		"patch": func() error { _, err := f.s.Patch(f.ctx, f.path, one("A", "1"), 7); return err },
		"read":  func() error { _, err := f.s.Read(f.ctx, f.path, 1); return err },
		"given up": func() error {
			_, err := f.s.Patch(stopped, f.path, one("A", "1"), 1)
			return err
		},
	}
	for name, call := range calls {
		err := call()
		if err == nil {
			f.Errorf("%s: no error", name)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, Canary) {
				f.Errorf("%s: %s", name, text)
			}
		}
	}
}

func testGivenUp(f fixture) {
	f.put(0, "A", "1")
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	if _, err := f.s.Read(ctx, f.path, 0); err == nil {
		f.Error("a call whose caller has gone was answered")
	}
}
