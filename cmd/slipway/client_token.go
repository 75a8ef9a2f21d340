package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

func tokenCommand() *cobra.Command {
	var all bool
	list := command("list", "List your API tokens", cobra.NoArgs, func(ctx context.Context, c *cli, _ []string) error {
		return paged(c, func(string) (client.Answer[client.List[client.Token]], error) { return c.Tokens(ctx, all) },
			func(t *table, first bool, k client.Token) {
				if first {
					t.row("ID", "NAME", "OWNER", "EXPIRES", "LAST USED", "SCOPES")
				}
				used, until := "-", clock(k.ExpiresAt)
				if k.LastUsedAt != nil {
					used = clock(*k.LastUsedAt)
				}
				if k.RevokedAt != nil {
					until = "revoked"
				}
				t.row(k.ID, k.Name, k.OwnerID, until, used, orDash(strings.Join(k.Scopes, " ")))
			})
	})
	list.Flags().BoolVar(&all, "all", false, "everybody's, for those who manage access")
	revoke := command("revoke ID", "Revoke an API token at once", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		if err := c.RevokeToken(ctx, args[0]); err != nil {
			return err
		}
		return c.done("Token " + args[0] + " is revoked.")
	})
	return group("token", "Create and revoke API tokens", tokenCreateCommand(), list, revoke)
}

func tokenCreateCommand() *cobra.Command {
	var n client.NewToken
	cmd := command("create NAME", "Create an API token; its secret is shown this once", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		n.Name = args[0]
		k, err := c.CreateToken(ctx, n)
		if err != nil {
			return err
		}
		return c.show(k.Raw, func(t *table) {
			t.row("Token", k.Value.ID)
			t.row("Owner", k.Value.OwnerID)
			t.row("Expires", clock(k.Value.ExpiresAt))
			t.row("Secret", k.Value.Secret)
		})
	})
	f := cmd.Flags()
	f.StringSliceVar(&n.Scopes, "scope", nil, "permissions to narrow it to, such as release.create; all of the owner's if left out")
	f.IntVar(&n.Days, "days", 0, "how long it lives; 90 if left out")
	f.StringVar(&n.ServiceAccount, "service-account", "", "whose it is; yours if left out")
	return cmd
}
