package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// What waits for approval is shown by name and number; its values nobody sees.

func secretChangesCommand() *cobra.Command {
	return command("changes SERVICE", "Changes of secrets that people have to approve first", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		a, err := c.SecretChanges(ctx, args[0])
		if err != nil {
			return err
		}
		return c.show(a.Raw, func(t *table) {
			t.row("CHANGE", "ENVIRONMENT", "WHAT", "ASKED BY", "STATE", "")
			for _, v := range a.Value.Items {
				t.row(strconv.FormatInt(v.ID, 10), v.Environment, changeWords(v), v.RequestedBy.Name, v.State, v.Message)
			}
		})
	})
}

// changeWords is what a change does: to keys, or to versions.
func changeWords(v client.KeyChange) string {
	if len(v.Versions) > 0 {
		return v.Action + " version " + strings.Trim(fmt.Sprint(v.Versions), "[]")
	}
	return v.Action + " " + strings.Join(v.Keys, " ")
}

func (c *cli) keyChange(a client.Answer[client.KeyChange], err error) error {
	if err != nil {
		return err
	}
	v := a.Value
	return c.show(a.Raw, func(t *table) {
		t.row("Change", fmt.Sprintf("%d, of the secrets of %s in %s, over version %d", v.ID, v.Service, v.Environment, v.Over))
		t.row("Asked by", v.RequestedBy.Name+", "+clock(v.CreatedAt))
		t.row("What", changeWords(v))
		if len(v.Removes) > 0 {
			t.row("Removes", strings.Join(v.Removes, " "))
		}
		if v.Replace {
			t.row("Besides", "every other key is removed")
		}
		if len(v.Restricts) > 0 {
			t.row("Restricts", strings.Join(v.Restricts, " "))
		}
		if len(v.Lifts) > 0 {
			t.row("Lifts the restriction of", strings.Join(v.Lifts, " "))
		}
		t.row("Digest", v.Digest)
		t.row("State", v.State+": "+v.Message)
	})
}

func secretApproveCommand() *cobra.Command {
	var digest, comment string
	cmd := command("approve ID", "Approve a change of secrets", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := changeID(args[0])
		if err != nil {
			return err
		}
		if digest == "" {
			if digest, err = c.reviewChange(ctx, id); err != nil {
				return err
			}
		}
		return c.keyChange(c.ApproveSecretChange(ctx, id, digest, comment))
	})
	cmd.Flags().StringVar(&digest, "digest", "", "of the change that you looked at; without it you are shown and asked")
	cmd.Flags().StringVar(&comment, "comment", "", "for the others")
	return cmd
}

// reviewChange shows what an approval would be for and asks.
func (c *cli) reviewChange(ctx context.Context, id int64) (string, error) {
	if !c.person || c.json {
		return "", usageError("--digest DIGEST says what you approve; without it a terminal is needed, to show it and ask")
	}
	a, err := c.SecretChange(ctx, id)
	if err := c.keyChange(a, err); err != nil {
		return "", err
	}
	fmt.Fprintf(c.out, "Approve change %s? [y/N] ", slipway.ShortDigest(a.Value.Digest))
	line, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil || !strings.EqualFold(strings.TrimSpace(line), "y") {
		return "", exitError{exitFailed, errors.New("not approved; nothing was changed")}
	}
	return a.Value.Digest, nil
}

func secretRejectCommand() *cobra.Command {
	var reason string
	cmd := command("reject ID --reason TEXT", "Reject a change of secrets, which ends it", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := changeID(args[0])
		if err != nil {
			return err
		}
		if reason == "" {
			return usageError("--reason is needed, so that the requester knows what to change")
		}
		return c.keyChange(c.RejectSecretChange(ctx, id, reason))
	})
	cmd.Flags().StringVar(&reason, "reason", "", "what to change")
	return cmd
}

func secretWithdrawCommand() *cobra.Command {
	return command("withdraw ID", "Take back a change of secrets that you asked for", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := changeID(args[0])
		if err != nil {
			return err
		}
		return c.keyChange(c.WithdrawSecretChange(ctx, id))
	})
}

func changeID(text string) (int64, error) {
	id, err := strconv.ParseInt(strings.TrimPrefix(text, "#"), 10, 64)
	if err != nil || id < 1 {
		return 0, usageError("%q is no number of a change", text)
	}
	return id, nil
}

func secretFindCommand() *cobra.Command {
	return command("find KEY", "Find keys of all services by a part of their names", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		a, err := c.FindSecrets(ctx, args[0])
		if err != nil {
			return err
		}
		return c.show(a.Raw, func(t *table) {
			t.row("KEY", "SERVICE", "SET IN")
			for _, k := range a.Value.Items {
				t.row(k.Key, k.Service, strings.Join(k.Environments, " "))
			}
		})
	})
}

func secretDiffCommand() *cobra.Command {
	return command("diff SERVICE ENVIRONMENT FROM TO", "Which keys differ between two versions, never how", cobra.ExactArgs(4), func(ctx context.Context, c *cli, args []string) error {
		from, err := strconv.Atoi(args[2])
		to, err2 := strconv.Atoi(args[3])
		if errors.Join(err, err2) != nil {
			return usageError("FROM and TO are numbers of versions")
		}
		a, err := c.CompareSecretVersions(ctx, args[0], args[1], from, to)
		if err != nil {
			return err
		}
		return c.show(a.Raw, func(t *table) {
			t.row("KEY", "WHAT")
			for _, d := range a.Value.Items {
				t.row(d.Key, d.What)
			}
		})
	})
}

func secretRestrictCommand() *cobra.Command {
	return command("restrict SERVICE ENVIRONMENT KEY...", "Take the sight of keys away: they can be set and delivered, and nobody can see them", cobra.MinimumNArgs(3), func(ctx context.Context, c *cli, args []string) error {
		a, err := c.RestrictSecrets(ctx, args[0], args[1], args[2:])
		if err != nil {
			return err
		}
		return c.show(a.Raw, func(t *table) {
			t.row("Path", a.Value.Path)
			t.row("Restricted", strings.Join(a.Value.Keys, " "))
		})
	})
}
