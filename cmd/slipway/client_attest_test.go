package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAttestationsComeFromFiles(t *testing.T) {
	r := newClientRig(t)
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		fatal(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	pipeline := write("slipway.yaml", cliFile)
	r.expect(exitOK, "", "apply", "-f", pipeline)
	one, lines := write("one.json", "{\n  \"a\": 1\n}\n"), write("lines.jsonl", "{\"b\":1}\n{\"c\":1}\n")
	create := func(version string, more ...string) []string {
		return append([]string{"release", "create", "shop", version, "--artifact", "app=reg/app@sha256:" + strings.Repeat("a", 64)}, more...)
	}
	r.expect(exitOK, "Release", create("1.0.0", "--attestation", one, "--attestation", lines)...)
	r.expect(exitOK, "Exists already, with the same content.", create("1.0.0", "--attestation", one, "--attestation", lines)...)
	r.expect(exitFailed, "exists with other content", create("1.0.0", "--attestation", one)...)
	shown := r.expect(exitOK, "it holds no signed statement", "release", "show", "shop", "1.0.0")
	if n := strings.Count(shown, "Attested"); n != 3 {
		t.Errorf("%d attestations, not 3:\n%s", n, shown)
	}

	r.expect(exitUsage, "the file is empty", create("2.0.0", "--attestation", write("empty.json", " \n"))...)
	r.expect(exitUsage, "unexpected EOF", create("2.0.0", "--attestation", write("torn.json", `{"a":`))...)
	r.expect(exitFailed, "no such file", create("2.0.0", "--attestation", filepath.Join(dir, "missing"))...)
	r.expect(exitFailed, "attestations[0]", create("2.0.0", "--attestation", write("list.json", `[{}]`))...)
}
