package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSetsPage does what docs/sets.md shows, line by line.
func TestSetsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/sets.md")
	fatal(t, err)
	r := newClientRig(t)
	for _, name := range []string{"stock", "cart", "shop"} {
		file := filepath.Join(t.TempDir(), "slipway.yaml")
		fatal(t, os.WriteFile(file, []byte(strings.Replace(cliFile, "service: shop", "service: "+name, 1)), 0o600))
		r.expect(exitOK, name, "apply", "-f", file)
		newest := map[string]string{"stock": "2.1.0", "cart": "2.4.0", "shop": "7.0.0"}[name]
		for _, version := range []string{"1.0.0", newest} {
			r.expect(exitOK, version, "release", "create", name, version, "--artifact", "app=reg/app@sha256:"+strings.Repeat("a", 64))
		}
		r.expect(exitOK, "succeeded", "promote", name, "1.0.0", "--to", "staging", "--wait")
	}
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```(json)?\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if block[1] == "json" {
			r.expect(exitOK, "stopped", "stop-the-line", "so that the set is there to be cancelled")
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/api/v1/sets", strings.NewReader(block[2]))
			fatal(t, err)
			request.Header.Set("Authorization", "Bearer "+r.tokens["admin"])
			request.Header.Set("Content-Type", "application/json")
			response, err := http.DefaultClient.Do(request)
			fatal(t, err)
			_ = response.Body.Close()
			if response.StatusCode != http.StatusAccepted {
				t.Errorf("%s was answered %s", block[2], response.Status)
			}
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(block[2], "\\\n", " ")) {
			ran++
			var args []string
			for _, word := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1) {
				args = append(args, strings.Trim(word, "'"))
			}
			r.expect(exitOK, "", args[1:]...)
		}
	}
	if ran != 5 {
		t.Errorf("%d commands were found on the page", ran)
	}
}
