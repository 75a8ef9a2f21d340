package protocol_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/deployers/deployertest"
	"github.com/slipway-dev/slipway/deployers/protocol"
)

// TestTheSpecIsTheCode holds docs/deployer-protocol.md and the Go types together:
// each example is read as strictly as can be and written again as the same JSON,
// and the examples of a document show every field that it has.
func TestTheSpecIsTheCode(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/deployer-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string]reflect.Type{}
	for _, d := range []any{protocol.Request{}, protocol.Line{}, protocol.Offer{}, protocol.Validated{}, protocol.Previewed{},
		protocol.Observed{}, protocol.Logged{}, deployertest.Releases{}} {
		documents[reflect.TypeOf(d).Name()] = reflect.TypeOf(d)
	}
	// Of a Request the other calls are shown in the table, and a Line holds one of three.
	shown := map[string]string{"Request": " config cursor limit"}
	examples := regexp.MustCompile("(?s)<!-- document: (\\w+) -->\\s*```json\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	for _, e := range examples {
		name, text := e[1], e[2]
		of, ok := documents[name]
		if !ok {
			t.Errorf("there is no document %s", name)
			continue
		}
		value := reflect.New(of).Interface()
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(value); err != nil {
			t.Errorf("%s: %v in %s", name, err, text)
			continue
		}
		again, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := canonical(t, again), canonical(t, []byte(text)); !bytes.Equal(got, want) {
			t.Errorf("%s is written as\n%s\nand the page says\n%s", name, got, want)
		}
		shown[name] += " " + strings.Join(regexp.MustCompile(`"(\w+)":`).FindAllString(text, -1), " ")
	}
	for name, of := range documents {
		for _, field := range fieldsOf(of) {
			if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(shown[name], `"`, ""), ":", " ")+" ", " "+field+" ") {
				t.Errorf("no example of %s shows the field %q", name, field)
			}
		}
	}
}

func canonical(t *testing.T, text []byte) []byte {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fieldsOf lists the JSON names of a type and of what it is made of.
func fieldsOf(of reflect.Type) []string {
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice:
		return fieldsOf(of.Elem())
	case reflect.Struct:
		var names []string
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if name != "" {
				names = append(names, name)
			}
			names = append(names, fieldsOf(of.Field(i).Type)...)
		}
		return names
	}
	return nil
}
