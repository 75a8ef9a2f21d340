package main

import (
	"os"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/server/rest"
)

// TestTheClientSpeaksAsTheDocumentDoes: a field that the API gains, loses or
// renames changes the client's types, or this fails.
func TestTheClientSpeaksAsTheDocumentDoes(t *testing.T) {
	t.Parallel()
	document, err := rest.OpenAPI()
	fatal(t, err)
	want, err := wireTypes(document)
	fatal(t, err)
	have, err := os.ReadFile("../../internal/client/wire.go")
	fatal(t, err)
	if string(have) != string(want) {
		t.Error("internal/client/wire.go is out of date: make generate")
	}
}

func TestWireTypes(t *testing.T) {
	t.Parallel()
	code, err := wireTypes([]byte(`{"components":{"schemas":{"PageThing":{"type":"object"},"ThingDetail":{"type":"object"},
		"Thing":{"type":"object","required":["id","at","many"],"properties":{"id":{"type":"integer"},"at":{"type":"string","format":"date-time"},"until":{"type":"string","format":"date-time"},
		"many":{"type":"array","items":{"$ref":"#/components/schemas/ThingDetail"}},"one":{"$ref":"#/components/schemas/ThingDetail"},"count":{"type":"integer"},"share":{"type":"number"},
		"words":{"type":"object","additionalProperties":{"type":"string"}},"any":{"type":"object","additionalProperties":true},"ownerId":{"type":["string","null"]}}}}}}`))
	fatal(t, err)
	text := strings.Join(strings.Fields(string(code)), " ")
	for _, want := range []string{"ID int64 `json:\"id\"`", "At time.Time `json:\"at\"`", "Until *time.Time `json:\"until,omitempty\"`", "Many []ThingDetail `json:\"many\"`", "One *ThingDetail `json:\"one,omitempty\"`",
		"Count int `json:\"count,omitempty\"`", "Share float64", "Words map[string]string", "Any json.RawMessage", "OwnerID string"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, code)
		}
	}
	if strings.Contains(text, "PageThing") {
		t.Error("pages are lists")
	}
}
