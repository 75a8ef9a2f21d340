package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/client"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func secretCommand() *cobra.Command {
	return group("secret", "Manage secrets; values come from standard input or a file, never from arguments",
		secretListCommand(), secretSetCommand(), secretRemoveCommand(), secretImportCommand(), secretCompareCommand(), secretVersionsCommand(),
		secretRollbackCommand(), secretRolloutCommand(), secretRevealCommand(),
		secretChangesCommand(), secretApproveCommand(), secretRejectCommand(), secretWithdrawCommand(),
		secretFindCommand(), secretDiffCommand(), secretRestrictCommand(),
		secretVerbCommand("delete", "Take versions away; undelete brings them back"),
		secretVerbCommand("undelete", "Bring deleted versions back"),
		secretVerbCommand("destroy", "Take the values of versions away for good"))
}

func secretListCommand() *cobra.Command {
	return command("list SERVICE", "Which keys are set in which environment", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		m, err := c.Secrets(ctx, args[0])
		if err != nil {
			return err
		}
		return c.show(m.Raw, func(t *table) {
			head, names := []any{"KEY"}, []string{}
			for _, e := range m.Value.Environments {
				head = append(head, strings.ToUpper(e.Environment))
				for _, k := range e.Keys {
					if !slices.Contains(names, k.Name) {
						names = append(names, k.Name)
					}
				}
			}
			slices.Sort(names)
			t.row(head...)
			for _, name := range names {
				row := []any{name}
				for _, e := range m.Value.Environments {
					row = append(row, keyWord(e, name))
				}
				t.row(row...)
			}
			for _, e := range m.Value.Environments {
				if e.Problem != "" {
					t.row(e.Environment + ": " + e.Problem)
				}
				if len(e.NewValues) > 0 {
					t.row(e.Environment + ": what runs was given another value of " + strings.Join(e.NewValues, ", ") + ".")
				}
			}
		})
	})
}

// keyWord is one cell of the list.
func keyWord(e client.Keys, name string) string {
	if e.WhyNot != "" {
		return "?"
	}
	at := slices.IndexFunc(e.Keys, func(k client.Key) bool { return k.Name == name })
	word := "-"
	switch {
	case at < 0:
		return word
	case e.Keys[at].Set:
		word = strings.TrimSpace("set " + e.Keys[at].Alike)
	case e.Keys[at].Needed:
		word = "MISSING"
	}
	if e.Keys[at].Restricted {
		word += ", restricted"
	}
	return word
}

// overFlag adds --over, and says later whether it was given.
func overFlag(cmd *cobra.Command) func() *int {
	over := cmd.Flags().Int("over", -1, "the version that you looked at: nothing is written if another has come meanwhile")
	return func() *int {
		if *over < 0 {
			return nil
		}
		return over
	}
}

func secretSetCommand() *cobra.Command {
	var file string
	var restrict, lift bool
	var over func() *int
	cmd := command("set SERVICE ENVIRONMENT KEY", "Set one key; its value is read from standard input", cobra.ExactArgs(3), func(ctx context.Context, c *cli, args []string) error {
		if restrict && lift {
			return usageError("--restrict and --lift are opposites: give one of them")
		}
		value, err := c.value(file)
		if err != nil {
			return err
		}
		change := client.ChangeKeys{Set: map[string]string{args[2]: strings.TrimSuffix(value, "\n")}, Over: over()}
		if restrict || lift {
			change.Restricted = &restrict
		}
		return c.changed(c.ChangeSecrets(ctx, args[0], args[1], change, false))
	})
	cmd.Flags().BoolVar(&restrict, "restrict", false, "nobody is to see the value, now or later")
	cmd.Flags().BoolVar(&lift, "lift", false, "lift the restriction of the key, for this value and not for older ones")
	cmd.Flags().StringVar(&file, "file", "-", "read the value from this file; one newline at its end is cut off")
	over = overFlag(cmd)
	return cmd
}

func secretRemoveCommand() *cobra.Command {
	var over func() *int
	cmd := command("unset SERVICE ENVIRONMENT KEY...", "Remove keys; older versions keep them", cobra.MinimumNArgs(3), func(ctx context.Context, c *cli, args []string) error {
		return c.changed(c.ChangeSecrets(ctx, args[0], args[1], client.ChangeKeys{Remove: args[2:], Over: over()}, false))
	})
	over = overFlag(cmd)
	return cmd
}

func secretImportCommand() *cobra.Command {
	var dryRun, restrict bool
	var over func() *int
	cmd := command("import SERVICE ENVIRONMENT FILE", "Set all keys of a .env file or a JSON object (- reads standard input)", cobra.ExactArgs(3), func(ctx context.Context, c *cli, args []string) error {
		text, err := c.value(args[2])
		if err != nil {
			return err
		}
		values, err := app.ParseSecrets(text)
		if err != nil {
			return usageError("%s: %w", args[2], err)
		}
		change := client.ChangeKeys{Set: map[string]string{}, Over: over(), Import: true}
		for key, value := range values {
			change.Set[key] = value.Reveal()
		}
		if restrict {
			change.Restricted = &restrict
		}
		answer, err := c.ChangeSecrets(ctx, args[0], args[1], change, dryRun)
		if err != nil || !dryRun {
			return c.changed(answer, err)
		}
		return c.show(answer.Raw, func(t *table) {
			t.row("Compared with version", strconv.Itoa(answer.Value.Version))
			t.row("New", orDash(strings.Join(answer.Value.New, " ")))
			t.row("Replaced", orDash(strings.Join(answer.Value.Replace, " ")))
			t.row("Kept", orDash(strings.Join(answer.Value.Keep, " ")))
		})
	})
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what it would do, by name, and do nothing")
	cmd.Flags().BoolVar(&restrict, "restrict", false, "nobody is to see these values, now or later")
	over = overFlag(cmd)
	return cmd
}

// value reads what is to become a secret.
func (c *cli) value(file string) (string, error) {
	in := c.in
	switch {
	case file == "-" && c.person:
		return "", usageError("the value comes from standard input or --file, so that no screen and no history keeps it")
	case file != "-":
		opened, err := os.Open(file)
		if err != nil {
			return "", usageError("%w", err)
		}
		defer func() { _ = opened.Close() }()
		in = opened
	}
	const most = slipway.MaxSecretKeys * slipway.MaxSecretValue
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	if err == nil && len(text) > most {
		err = usageError("that is too much: at most %d bytes", most)
	}
	return string(text), err
}

func (c *cli) changed(a client.Answer[client.KeysChanged], err error) error {
	if err != nil {
		return err
	}
	err = c.show(a.Raw, func(t *table) {
		t.row("Path", a.Value.Path)
		if id := a.Value.Change; id > 0 {
			t.row("Change", strconv.Itoa(id))
			return
		}
		t.row("Version", strconv.Itoa(a.Value.Version))
	})
	if id := a.Value.Change; err == nil && id > 0 {
		err = exitError{exitWaits, fmt.Errorf("change %d waits for approval; nothing was changed yet.\nWhat to do: somebody else runs slipway secret approve %d", id, id)}
	}
	return err
}

func secretCompareCommand() *cobra.Command {
	return command("compare SERVICE FROM TO", "Compare the keys of two environments", cobra.ExactArgs(3), func(ctx context.Context, c *cli, args []string) error {
		a, err := c.CompareSecrets(ctx, args[0], args[1], args[2])
		if err != nil {
			return err
		}
		return c.show(a.Raw, func(t *table) {
			for _, d := range a.Value.Items {
				t.row(d.Key, d.What)
			}
		})
	})
}

func secretVersionsCommand() *cobra.Command {
	return command("versions SERVICE ENVIRONMENT", "List the versions, newest first", cobra.ExactArgs(2), func(ctx context.Context, c *cli, args []string) error {
		a, err := c.SecretVersions(ctx, args[0], args[1])
		if err != nil {
			return err
		}
		return c.show(a.Raw, func(t *table) {
			t.row("VERSION", "WHEN", "STATE", "HOW", "KEYS", "RUNS")
			for _, v := range a.Value.Items {
				runs := "-"
				if v.Runs {
					runs = "yes"
				}
				how := "outside of Slipway"
				if v.By != "" {
					how = v.How + " by " + v.By
				}
				t.row(strconv.Itoa(v.Version), clock(v.At), v.State, how, orDash(strings.Join(v.Keys, " ")), runs)
			}
		})
	})
}

func secretRollbackCommand() *cobra.Command {
	var version int
	var key string
	cmd := command("rollback SERVICE ENVIRONMENT", "Make an older version, or one key of it, the newest again", cobra.ExactArgs(2), func(ctx context.Context, c *cli, args []string) error {
		if version < 1 {
			return usageError("--to VERSION says which")
		}
		return c.changed(c.RestoreSecrets(ctx, args[0], args[1], version, key))
	})
	cmd.Flags().IntVar(&version, "to", 0, "the version to go back to")
	cmd.Flags().StringVar(&key, "key", "", "only this key of it")
	return cmd
}

func secretRolloutCommand() *cobra.Command {
	var note string
	var wait bool
	var timeout time.Duration
	cmd := command("rollout SERVICE ENVIRONMENT", "Give what runs today's values of its keys, by a deployment through its gates", cobra.ExactArgs(2), func(ctx context.Context, c *cli, args []string) error {
		d, err := c.RolloutSecrets(ctx, args[0], args[1], note)
		return c.begun(ctx, d, err, wait, timeout)
	})
	cmd.Flags().StringVar(&note, "note", "", "why, for who approves")
	waitFlags(cmd, &wait, &timeout)
	return cmd
}

func secretVerbCommand(verb, short string) *cobra.Command {
	return command(verb+" SERVICE ENVIRONMENT VERSION...", short, cobra.MinimumNArgs(3), func(ctx context.Context, c *cli, args []string) error {
		var versions []int
		for _, arg := range args[2:] {
			n, err := strconv.Atoi(arg)
			if err != nil {
				return usageError("%q is no number of a version", arg)
			}
			versions = append(versions, n)
		}
		a, err := c.RemoveSecrets(ctx, args[0], args[1], verb, versions)
		if err != nil || a.Value.Change > 0 {
			return c.changed(a, err)
		}
		return c.done(fmt.Sprintf("%s: version %s.", strings.ToUpper(verb[:1])+verb[1:]+"d", strings.Trim(fmt.Sprint(versions), "[]")))
	})
}

func secretRevealCommand() *cobra.Command {
	var version int
	cmd := command("reveal SERVICE ENVIRONMENT KEY", "Write the value of a key to standard output; the audit tells who did", cobra.ExactArgs(3), func(ctx context.Context, c *cli, args []string) error {
		a, err := c.RevealSecret(ctx, args[0], args[1], args[2], version)
		if err != nil {
			return err
		}
		if c.json {
			return c.show(a.Raw, func(*table) {})
		}
		_, err = fmt.Fprintln(c.out, a.Value.Value)
		return err
	})
	cmd.Flags().IntVar(&version, "version", 0, "of this version; of the newest if left out")
	return cmd
}
