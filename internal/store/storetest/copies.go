package storetest

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// testOwnCopies spoils everything that was read, down to the last element, and
// reads again: what a store remembers is nobody's but its own.
func testOwnCopies(t *testing.T, f fixture) {
	f.seed(t, "api")
	d := deployment("api", "staging")
	fill(reflect.ValueOf(&d.Plan).Elem())
	fill(reflect.ValueOf(&d.Runs).Elem())
	fill(reflect.ValueOf(&d.Verdicts).Elem())
	d.PlanDigest, d.Replaced = d.Plan.Digest(), []slipway.Plan{d.Plan}
	stage := slipway.StageState{Service: "api", Environment: "staging", Team: "payments"}
	fill(reflect.ValueOf(&stage.Live).Elem())
	fill(reflect.ValueOf(&stage.Observed).Elem())
	stage.Observed.Forgot = false // the one field that is not kept
	fill(reflect.ValueOf(&stage.Partial).Elem())
	pipeline := slipway.Pipeline{Service: "api", Revision: 1, Team: "payments", AppliedAt: noon()}
	fill(reflect.ValueOf(&pipeline.Stages).Elem())
	release := release("api", "2.0.0")
	fill(reflect.ValueOf(&release.Content).Elem())
	f.insert(t, d)
	f.write(t, func(tx slipway.Tx) error {
		if err := tx.Stages().Put(f.ctx, stage); err != nil {
			return err
		}
		if _, err := tx.Releases().Add(f.ctx, release); err != nil {
			return err
		}
		return tx.Pipelines().Add(f.ctx, pipeline)
	})
	for name, read := range reads(f) {
		first := ""
		for range 4 {
			f.read(t, func(tx slipway.Tx) error {
				got, err := read(tx)
				if first == "" {
					first = written(t, got)
				}
				if written(t, got) != first {
					t.Errorf("%s: what was read is another thing once somebody spoiled theirs: %+v", name, got)
				}
				spoil(reflect.ValueOf(&got).Elem())
				return err
			})
		}
	}
	f.read(t, func(tx slipway.Tx) error {
		got, err := tx.Deployments().Get(f.ctx, 1)
		same(t, "plan", got.Plan, d.Plan)
		kept, _ := tx.Stages().Get(f.ctx, "api", "staging")
		same(t, "stage", kept, stage)
		latest, _ := tx.Pipelines().Latest(f.ctx, "api")
		same(t, "pipeline", latest.Stages, pipeline.Stages)
		made, _ := tx.Releases().Get(f.ctx, "api", "2.0.0")
		same(t, "release", made.Content, release.Content)
		return err
	})
}

// written is a value with all that is in it. No map in it has two keys.
func written(t *testing.T, v any) string {
	t.Helper()
	var out bytes.Buffer
	if err := gob.NewEncoder(&out).EncodeValue(reflect.ValueOf(v)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// reads are the ways to read what is remembered.
func reads(f fixture) map[string]func(slipway.Tx) (any, error) {
	return map[string]func(slipway.Tx) (any, error){
		"a deployment": func(tx slipway.Tx) (any, error) { return tx.Deployments().Get(f.ctx, 1) },
		"deployments": func(tx slipway.Tx) (any, error) {
			list, _, err := tx.Deployments().List(f.ctx, slipway.DeploymentFilter{}, slipway.Page{})
			return list, err
		},
		"active deployments":    func(tx slipway.Tx) (any, error) { return tx.Deployments().ActiveOf(f.ctx, []string{"api"}) },
		"undecided deployments": func(tx slipway.Tx) (any, error) { return tx.Deployments().Undecided(f.ctx, "bob", 10) },
		"a stage":               func(tx slipway.Tx) (any, error) { return tx.Stages().Get(f.ctx, "api", "staging") },
		"stages":                func(tx slipway.Tx) (any, error) { return tx.Stages().Of(f.ctx, []string{"api"}) },
		"a glance": func(tx slipway.Tx) (any, error) {
			return tx.Stages().Glance(f.ctx, slipway.Glancing{Services: []string{"api"}, Voter: "bob", Limit: 10})
		},
		"all stages":           func(tx slipway.Tx) (any, error) { return tx.Stages().All(f.ctx) },
		"the latest pipeline":  func(tx slipway.Tx) (any, error) { return tx.Pipelines().Latest(f.ctx, "api") },
		"the latest pipelines": func(tx slipway.Tx) (any, error) { return tx.Pipelines().LatestOf(f.ctx, []string{"api"}) },
		"a release":            func(tx slipway.Tx) (any, error) { return tx.Releases().Get(f.ctx, "api", "2.0.0") },
		"the newest release":   func(tx slipway.Tx) (any, error) { return tx.Releases().Newest(f.ctx, "api") },
	}
}

// fill sets every field of a value, and of all that is in it, to something.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if at, ok := v.Addr().Interface().(*time.Time); ok {
			*at = noon()
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		if raw, ok := v.Addr().Interface().(*json.RawMessage); ok {
			*raw = json.RawMessage(`{"a":1}`)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Map:
		value := reflect.New(v.Type().Elem()).Elem()
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key"), value)
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Uint8:
		v.SetUint(7)
	default:
		v.SetInt(7)
	}
}

// spoil clears a value and everything that it shares with others.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return
		}
		inner := reflect.New(v.Elem().Type()).Elem()
		inner.Set(v.Elem())
		spoil(inner)
		if v.Kind() == reflect.Pointer {
			v.Elem().SetZero()
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				spoil(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i))
			v.Index(i).SetZero()
		}
	case reflect.Map:
		for each := v.MapRange(); each.Next(); {
			inner := reflect.New(v.Type().Elem()).Elem()
			inner.Set(each.Value())
			spoil(inner)
		}
		v.Clear()
	default:
	}
}
