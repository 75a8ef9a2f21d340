package vaulttest

import (
	"os"
	"strings"
	"testing"
)

func TestVersionIsThatOfTheModule(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/vault/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "require github.com/hashicorp/vault " + version + "\n"; !strings.Contains(string(text), want) {
		t.Errorf("go.mod does not have the line %q", want)
	}
}
