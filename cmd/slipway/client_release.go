package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

func serviceCommand() *cobra.Command {
	var team, query string
	list := command("list", "List services", cobra.NoArgs, func(ctx context.Context, c *cli, _ []string) error {
		return paged(c, func(cursor string) (client.Answer[client.List[client.Service]], error) {
			return c.Services(ctx, team, query, cursor)
		}, func(t *table, first bool, s client.Service) {
			if first {
				t.row("SERVICE", "TEAM", "TITLE")
			}
			t.row(s.Name, s.Team, s.Title)
		})
	})
	list.Flags().StringVar(&team, "team", "", "only of this team")
	list.Flags().StringVarP(&query, "query", "q", "", "part of the name or title")
	show := command("show SERVICE", "Show a service", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		s, err := c.Service(ctx, args[0])
		if err != nil {
			return err
		}
		return c.show(s.Raw, func(t *table) {
			t.row("Service", s.Value.Name)
			t.row("Team", s.Value.Team)
			t.row("Title", s.Value.Title)
			t.row("Description", s.Value.Description)
			t.row("Repository", s.Value.Repository)
			t.row("Page", c.Page("s", s.Value.Name))
		})
	})
	return group("service", "Look at services", list, show)
}

// paged prints a whole list, page by page. As JSON it is one list.
func paged[T any](c *cli, page func(cursor string) (client.Answer[client.List[T]], error), row func(t *table, first bool, item T)) error {
	t, all, first := c.table(), []json.RawMessage{}, true
	for cursor := ""; ; {
		answer, err := page(cursor)
		if err != nil {
			return err
		}
		var raw client.List[json.RawMessage]
		if err := json.Unmarshal(answer.Raw, &raw); err != nil {
			return err
		}
		all = append(all, raw.Items...)
		for _, item := range answer.Value.Items {
			row(t, first, item)
			first = false
		}
		if cursor = answer.Value.Next; cursor == "" {
			break
		}
	}
	if !c.json && first {
		c.say("None.")
		return nil
	}
	if !c.json {
		return t.flush()
	}
	encoded, err := json.Marshal(map[string]any{"items": all})
	if err != nil {
		return err
	}
	return c.show(encoded, nil)
}

func releaseCommand() *cobra.Command {
	list := command("list SERVICE", "List releases, newest first", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		return paged(c, func(cursor string) (client.Answer[client.List[client.Release]], error) {
			return c.Releases(ctx, args[0], cursor)
		},
			func(t *table, first bool, r client.Release) {
				if first {
					t.row("VERSION", "CREATED", "BY", "COMMIT", "")
				}
				t.row(r.Version, clock(r.CreatedAt), r.CreatedBy, short(r.Commit), blocked(r))
			})
	})
	show := command("show SERVICE VERSION", "Show a release, and where it is live", cobra.ExactArgs(2), func(ctx context.Context, c *cli, args []string) error {
		r, err := c.Release(ctx, args[0], args[1])
		return c.release(r, err)
	})
	var reason string
	block := command("block SERVICE VERSION", "Keep a release from being deployed", cobra.ExactArgs(2), func(ctx context.Context, c *cli, args []string) error {
		if reason == "" {
			return usageError("--reason is needed, so that others know what is wrong with it")
		}
		r, err := c.Block(ctx, args[0], args[1], reason)
		return c.release(r, err)
	})
	block.Flags().StringVar(&reason, "reason", "", "what is wrong with it")
	unblock := command("unblock SERVICE VERSION", "Let a release be deployed again", cobra.ExactArgs(2), func(ctx context.Context, c *cli, args []string) error {
		r, err := c.Unblock(ctx, args[0], args[1])
		return c.release(r, err)
	})
	return group("release", "Create and look at releases", releaseCreateCommand(), list, show, block, unblock)
}

func (c *cli) release(r client.Answer[client.Release], err error) error {
	if err != nil {
		return err
	}
	return c.show(r.Raw, func(t *table) {
		v := r.Value
		t.row("Release", v.Service+" "+v.Version)
		t.row("Created", clock(v.CreatedAt)+" by "+v.CreatedBy)
		t.row("Commit", v.Commit)
		t.row("Reversible", map[bool]string{true: "yes", false: "no"}[v.Reversible])
		for _, a := range v.Artifacts {
			t.row("Artifact", a.Name+" = "+a.Reference+" @ "+a.Digest)
		}
		for _, change := range v.Changes {
			t.row("Change", short(change.Commit)+" "+change.Subject)
		}
		for _, a := range v.Attestations {
			t.row("Attested", cmp.Or(a.PredicateType, a.Problem), a.Builder)
		}
		for _, a := range v.Verified {
			t.row("Verified", a.Environment+": "+a.Result, a.Reason)
		}
		if len(v.LiveIn) > 0 {
			t.row("Live in", strings.Join(v.LiveIn, ", "))
		}
		if v.Blocked != nil {
			t.row("Blocked", "by "+v.Blocked.By+": "+v.Blocked.Reason)
		}
	})
}

func blocked(r client.Release) string {
	if r.Blocked == nil {
		return ""
	}
	return "blocked: " + r.Blocked.Reason
}

func short(commit string) string { return commit[:min(len(commit), 10)] }

func releaseCreateCommand() *cobra.Command {
	var artifacts, changes, config, attestations []string
	var commit, notes, file string
	var irreversible bool
	cmd := command("create SERVICE VERSION", "Make a release known", cobra.ExactArgs(2), func(ctx context.Context, c *cli, args []string) error {
		r := client.NewRelease{}
		if file != "" {
			content, err := readFile(file, c.in)
			if err != nil {
				return err
			}
			decoder := json.NewDecoder(bytes.NewReader(content))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&r); err != nil {
				return usageError("-f %s: %w", file, err)
			}
		}
		r.Version = args[1]
		if err := fillRelease(&r, artifacts, changes, config); err != nil {
			return err
		}
		if err := attest(&r, attestations, c.in); err != nil {
			return err
		}
		if commit != "" {
			r.Commit = commit
		}
		if notes != "" {
			r.Notes = notes
		}
		if irreversible {
			no := false
			r.Reversible = &no
		}
		created, err := c.CreateRelease(ctx, args[0], r)
		if err != nil {
			return err
		}
		if created.Status != http.StatusCreated {
			c.say("Exists already, with the same content.")
		}
		return c.release(created, nil)
	})
	f := cmd.Flags()
	f.StringArrayVar(&artifacts, "artifact", nil, "NAME=REFERENCE@sha256:..., or NAME=PATH of a file on this machine")
	f.StringArrayVar(&changes, "change", nil, "COMMIT SUBJECT; may be given again")
	f.StringArrayVar(&config, "config", nil, "KEY=VALUE; may be given again")
	f.StringArrayVar(&attestations, "attestation", nil, "file of sigstore bundles, JSON or JSON lines; may be given again; - is standard input")
	f.StringVar(&commit, "commit", "", "the commit that it was built from")
	f.StringVar(&notes, "notes", "", "for those who read it")
	f.BoolVar(&irreversible, "irreversible", false, "going back from it is not safe")
	f.StringVarP(&file, "file", "f", "", "JSON file with the rest, in the form of the API; - is standard input")
	return cmd
}

func fillRelease(r *client.NewRelease, artifacts, changes, config []string) error {
	for _, text := range artifacts {
		a, err := artifactOf(text)
		if err != nil {
			return err
		}
		r.Artifacts = append(r.Artifacts, a)
	}
	for _, text := range changes {
		commit, subject, _ := strings.Cut(text, " ")
		r.Changes = append(r.Changes, client.Change{Commit: commit, Subject: subject})
	}
	for _, text := range config {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return usageError("--config %q is not of the form KEY=VALUE", text)
		}
		if r.Config == nil {
			r.Config = map[string]string{}
		}
		r.Config[key] = value
	}
	return nil
}

// artifactOf reads NAME=REFERENCE@sha256:... or NAME=PATH. The digest of a file
// is taken here, from the very file that is named.
func artifactOf(text string) (client.Artifact, error) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok || name == "" || rest == "" {
		return client.Artifact{}, usageError("--artifact %q is not of the form NAME=REFERENCE@sha256:... or NAME=PATH", text)
	}
	if i := strings.LastIndex(rest, "@sha256:"); i > 0 {
		return client.Artifact{Name: name, Reference: rest[:i], Digest: rest[i+1:]}, nil
	}
	path, err := filepath.Abs(rest)
	if err != nil {
		return client.Artifact{}, err
	}
	digest, err := digestOf(path)
	if err != nil {
		return client.Artifact{}, usageError("--artifact %q has no @sha256:... and is no file here: %w", text, err)
	}
	return client.Artifact{Name: name, Reference: (&url.URL{Scheme: "file", Path: path}).String(), Digest: digest}, nil
}

func digestOf(path string) (_ string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}
