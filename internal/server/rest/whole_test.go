package rest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// filler puts a value into every field, each another one, and remembers how it
// will be written.
type filler struct {
	n      int
	tokens map[string]string // path → as it is written
	skip   map[string]bool   // fields that are not for the outside, by type and name
}

func (f *filler) fill(path string, v reflect.Value) {
	f.n++
	token := func(text string) { f.tokens[path] = text }
	switch v.Interface().(type) {
	case time.Time:
		at := time.Date(2026, 1, 1, 0, 0, f.n, 0, time.UTC)
		v.Set(reflect.ValueOf(at))
		token(at.Format(time.RFC3339))
		return
	case slipway.Duration:
		d := slipway.Duration(time.Duration(100_000+f.n) * time.Second)
		v.Set(reflect.ValueOf(d))
		token(`"` + d.String() + `"`)
		return
	case json.RawMessage:
		text := fmt.Sprintf(`{"raw%d":1}`, f.n)
		v.Set(reflect.ValueOf(json.RawMessage(text)))
		token(text)
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
		token("true")
	case reflect.String:
		v.SetString(fmt.Sprintf("text%d.", f.n))
		token(v.String())
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(7_000_000 + f.n))
		token(strconv.FormatInt(v.Int(), 10))
	case reflect.Float64:
		v.SetFloat(float64(f.n) + 0.625)
		token(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(path, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		f.fill(path+"[]", v.Index(0))
	case reflect.Map:
		key, value := reflect.ValueOf(fmt.Sprintf("key%d.", f.n)).Convert(v.Type().Key()), reflect.New(v.Type().Elem()).Elem()
		f.fill(path+"{}", value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
		f.tokens[path+" key"] = key.String()
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Name() + "." + v.Type().Field(i).Name; !f.skip[name] {
				f.fill(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		}
	default:
		panic(path)
	}
}

// What the domain knows, the API tells: a field that is added there and
// forgotten here is found.
func TestNothingIsLeftOut(t *testing.T) {
	t.Parallel()
	skip := map[string]bool{
		"Spec.Seq": true, "Plan.Prepared": true, // for the portal itself
		"Measurement.Job": true, "Measurement.Pending": true, "CheckRun.Job": true, "CheckRun.JobSince": true, "CheckRun.ErrorsInRow": true, "CheckRun.PassedInRow": true,
		"PhaseRun.Generation": true, "PhaseRun.UnreadySince": true, "PhaseRun.Attempts": true, "PhaseRun.Parked": true, "PhaseRun.Runner": true, "PhaseRun.Cursor": true,
		"ObservedTrack.Addresses": true, "Observed.Forgot": true,
		"ReleaseSet.Epoch": true, "ReleaseSet.Asked": true, "SetOrder.TokenID": true, "SetItem.Seq": true,
	}
	var (
		st  slipway.Stage
		pl  slipway.Plan
		run slipway.PhaseRun
		see slipway.Observed
		set slipway.ReleaseSet
	)
	for name, c := range map[string]struct {
		from any
		wire func() any
	}{
		"stage":    {&st, func() any { return stage(st) }},
		"plan":     {&pl, func() any { return plan(pl, "") }},
		"phase":    {&run, func() any { return measuredRun(run) }},
		"observed": {&see, func() any { return observed(&see) }},
		"set":      {&set, func() any { return releaseSet(set) }},
	} {
		f := filler{tokens: map[string]string{}, skip: skip}
		f.fill(name, reflect.ValueOf(c.from).Elem())
		text, err := json.Marshal(c.wire())
		if err != nil {
			t.Fatal(err)
		}
		var flags []string
		for path, token := range f.tokens {
			if token == "true" {
				flags = append(flags, path)
			} else if !strings.Contains(string(text), token) {
				t.Errorf("%s is not told", path)
			}
		}
		if told := strings.Count(string(text), "true"); told != len(flags) {
			t.Errorf("%d flags are told, not %q", told, flags)
		}
	}
}
