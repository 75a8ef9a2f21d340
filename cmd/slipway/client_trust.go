package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/client"
)

func trustCommand() *cobra.Command {
	list := command("list", "List which CI jobs come in", cobra.NoArgs, func(ctx context.Context, c *cli, _ []string) error {
		return paged(c, func(string) (client.Answer[client.List[client.TrustRule]], error) { return c.TrustRules(ctx) },
			func(t *table, first bool, r client.TrustRule) {
				if first {
					t.row("ID", "NAME", "FOR", "ISSUER", "CLAIMS", "MAY", "IN", "LIVES")
				}
				t.row(r.ID, r.Name, trustedFor(r), r.Issuer, claimsText(r.Claims), strings.Join(r.Permissions, " "), orAll(r.Environments), r.Lifetime)
			})
	})
	remove := command("remove ID", "Remove a rule; its tokens end at once", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return usageError("%q is no number of a trust rule; slipway trust list shows them", args[0])
		}
		if err := c.RemoveTrustRule(ctx, id); err != nil {
			return err
		}
		return c.done(fmt.Sprintf("Trust rule %d is removed, and its tokens have ended.", id))
	})
	return group("trust", "Let CI jobs in without a key", trustAddCommand(), list, remove)
}

func trustedFor(r client.TrustRule) string {
	if r.Service != "" {
		return r.Service
	}
	return "team " + r.Team
}

func orAll(environments []string) string {
	if len(environments) == 0 {
		return "all"
	}
	return strings.Join(environments, " ")
}

func claimsText(claims map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		parts = append(parts, name+"="+claims[name])
	}
	return strings.Join(parts, " ")
}

// issuers of the kinds that have one everybody knows.
func defaultIssuer(kind string) string {
	switch kind {
	case "github":
		return "https://token.actions.githubusercontent.com"
	case "gitlab":
		return "https://gitlab.com"
	default:
		return ""
	}
}

func trustAddCommand() *cobra.Command {
	var n client.NewTrustRule
	var claims []string
	cmd := command("add NAME", "Let the jobs of a repository in", cobra.ExactArgs(1), func(ctx context.Context, c *cli, args []string) error {
		n.Name, n.Claims = args[0], map[string]string{}
		for _, text := range claims {
			name, value, ok := strings.Cut(text, "=")
			if !ok || name == "" || value == "" {
				return usageError("--claim %q is not of the form NAME=VALUE", text)
			}
			n.Claims[name] = value
		}
		if (n.Service == "") == (n.Team == "") {
			return usageError("--service or --team says for what")
		}
		if n.Issuer == "" {
			if n.Issuer = defaultIssuer(n.Kind); n.Issuer == "" {
				return usageError("--issuer says whose tokens are taken")
			}
		}
		if n.Audience == "" {
			n.Audience = strings.TrimRight(c.Page(), "/")
		}
		r, err := c.AddTrustRule(ctx, n)
		if err != nil {
			return err
		}
		return c.show(r.Raw, func(t *table) {
			t.row("Trust rule", r.Value.ID)
			t.row("For", trustedFor(r.Value))
			t.row("Issuer", r.Value.Issuer)
			t.row("Audience", r.Value.Audience)
			t.row("Claims", claimsText(r.Value.Claims))
			t.row("May", strings.Join(r.Value.Permissions, " "))
			t.row("In", orAll(r.Value.Environments))
			t.row("Tokens live", r.Value.Lifetime)
		})
	})
	cmd.Long = `Lets the jobs of one repository in: they exchange the token that their CI system
gives them for a short-lived one of Slipway's, so that no key is kept anywhere.
Claims are compared to the letter. Needed are those that never change hands:

  github   repository_id, repository_owner_id
  gitlab   project_id, namespace_id
  oidc     sub, or the claim that --immutable names

Beside them: ref, environment, event_name, job_workflow_ref, ref_protected, ...`
	f := cmd.Flags()
	f.StringVar(&n.Kind, "kind", "github", "github, gitlab or oidc")
	f.StringVar(&n.Issuer, "issuer", "", "address of the issuer, exactly as its tokens name it; github and gitlab have one that is known")
	f.StringVar(&n.Audience, "audience", "", "that tokens have to be for; the address of this Slipway if left out")
	f.StringArrayVar(&claims, "claim", nil, "NAME=VALUE that tokens have to say; may be given again")
	f.StringVar(&n.Immutable, "immutable", "", "of the kind oidc: the claim that names the same thing for ever; sub if left out")
	f.StringVar(&n.Service, "service", "", "the service that it is for")
	f.StringVar(&n.Team, "team", "", "or the team whose services it is for")
	f.StringSliceVar(&n.Permissions, "allow", []string{"release.create", "deployment.promote"}, "what its tokens may; you need it all yourself")
	f.StringSliceVar(&n.Environments, "environment", nil, "where; everywhere if left out")
	f.StringVar(&n.Lifetime, "lifetime", "", "how long its tokens live: 15m if left out, 1h at most")
	return cmd
}
