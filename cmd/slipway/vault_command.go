package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/secrets/vault"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func vaultCommand() *cobra.Command {
	var mount, paths string
	var people bool
	policy := &cobra.Command{Use: "policy", Short: "Print the least policy that Slipway's role in Vault needs", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if wrong := slipway.SecretPaths(paths).Check(); wrong != "" {
				return usageError("--paths %s", wrong)
			}
			text := vault.Policy(mount, slipway.SecretPaths(paths))
			if people {
				text = vault.PeoplePolicy(mount, slipway.SecretPaths(paths))
			}
			_, err := fmt.Fprint(c.OutOrStdout(), text)
			return err
		}}
	policy.Flags().StringVar(&mount, "mount", "secret", "where the KV version 2 engine is mounted")
	policy.Flags().StringVar(&paths, "paths", string(slipway.DefaultSecretPaths), "the template of paths")
	policy.Flags().BoolVar(&people, "people", false, "the policy of people who use Vault in their own names (SLIPWAY_VAULT_USER_AUTH)")
	c := &cobra.Command{Use: "vault", Short: "Prepare a Vault for Slipway"}
	c.AddCommand(policy)
	return c
}
