package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func applyCommand() *cobra.Command {
	var path string
	var dryRun bool
	cmd := command("apply -f FILE", "Apply a slipway.yaml, and register its service if it is new", cobra.NoArgs, func(ctx context.Context, c *cli, _ []string) error {
		if path == "" {
			return usageError("-f says which file, such as slipway.yaml; - is standard input")
		}
		content, err := readFile(path, c.in)
		if err != nil {
			return err
		}
		file, err := manifest.ReadPipeline(content)
		if err == nil && slipway.CheckName(file.Service.Name) != "" {
			err = slipway.Invalid(path, file.Faults) // nobody else could say more
		}
		if err != nil {
			return exitError{exitFailed, errors.New(faultText(path, err))}
		}
		return refusedFile(path, file, c.apply(ctx, file, content, dryRun))
	})
	cmd.Flags().StringVarP(&path, "file", "f", "", "the file; - is standard input")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change, and change nothing")
	return cmd
}

func (c *cli) apply(ctx context.Context, file manifest.File, content []byte, dryRun bool) error {
	_, err := c.Service(ctx, file.Service.Name)
	var p *client.Problem
	unknown := errors.As(err, &p) && p.Code == "not_found"
	if err != nil && !unknown {
		return err
	}
	// A new service, and one whose description the file holds too, goes with
	// its pipeline in one piece.
	if unknown || file.Describes {
		return c.applyWhole(ctx, content, dryRun)
	}
	applied, err := c.PutPipeline(ctx, file.Service.Name, content, dryRun)
	if err != nil {
		return err
	}
	return c.show(applied.Raw, func(t *table) { printApplied(t, file.Service.Name, applied.Value) })
}

// refusedFile lists what is wrong with a file as compilers do: all of it where
// the server has judged it, else what can be seen from here.
func refusedFile(path string, file manifest.File, err error) error {
	var p *client.Problem
	asked := errors.As(err, &p)
	refused := &slipway.Error{Message: path + " was not accepted.", Affected: "Nothing was changed.", Fields: file.Faults}
	switch {
	case asked && p.Code == "invalid" && len(p.Errors) > 0:
		refused.Message, refused.Affected, refused.Fields = p.Message, p.Affected, nil
		for _, f := range p.Errors {
			refused.Fields = append(refused.Fields, slipway.FieldError(f))
		}
	case err == nil || asked || len(file.Faults) == 0:
		return err
	}
	return exitError{exitFailed, errors.New(faultText(path, refused))}
}

func (c *cli) applyWhole(ctx context.Context, content []byte, dryRun bool) error {
	done, err := c.ApplyFile(ctx, content, dryRun)
	if err != nil {
		return err
	}
	r := done.Value
	return c.show(done.Raw, func(t *table) {
		if r.New {
			t.row(would(dryRun, "Registered", "Would register"), "service", r.Service.Name, "of team", r.Service.Team)
		}
		printApplied(t, r.Service.Name, r.Pipeline)
	})
}

func would(dryRun bool, did, would string) string {
	if dryRun {
		return would
	}
	return did
}

func printApplied(t *table, service string, a client.AppliedPipeline) {
	defer func() {
		for _, doubt := range a.Warnings {
			fmt.Fprintf(t.tabs, "Warning: %s\n", tame(doubt))
		}
	}()
	if !a.Changed {
		fmt.Fprintf(t.tabs, "%s: nothing changes, the pipeline is at revision %d.\n", tame(service), a.After.Revision)
		return
	}
	for line := range strings.SplitSeq(strings.TrimRight(a.Diff, "\n"), "\n") {
		fmt.Fprintln(t.tabs, tame(line))
	}
	fmt.Fprintf(t.tabs, "%s: %s revision %d with %d stages.\n", tame(service), would(a.DryRun, "applied", "would apply"), a.After.Revision, len(a.After.Stages))
}

// faultText lists the faults of a file as compilers do.
func faultText(path string, err error) string {
	var e *slipway.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	lines := []string{e.Message}
	for _, f := range e.Fields {
		place := path
		if f.Line > 0 {
			place = fmt.Sprintf("%s:%d", path, f.Line)
		}
		f.Line = 0
		lines = append(lines, "  "+place+": "+f.String())
	}
	return strings.Join(append(lines, "Affected: "+e.Affected), "\n")
}

// readFile reads a file that a person named; - is standard input.
func readFile(path string, in io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(in, 1<<20))
	}
	return os.ReadFile(path)
}
