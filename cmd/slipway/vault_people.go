package main

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/secrets/vault"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// vaultAudience is whom Slipway vouches for people to.
const vaultAudience = "vault"

func (c config) checkVaultPeople() (problems []error) {
	switch {
	case c.Vault.UserAuth == "":
		return nil
	case c.Vault.UserAuth != "jwt":
		return []error{errors.New("SLIPWAY_VAULT_USER_AUTH: is jwt, or left out")}
	}
	if !c.Vault.used() {
		problems = append(problems, errors.New("SLIPWAY_VAULT_USER_AUTH: needs VAULT_ADDR: the built-in store knows no people"))
	}
	if c.SecretKey == "" {
		problems = append(problems, errors.New("SLIPWAY_VAULT_USER_AUTH: needs SLIPWAY_SECRET_KEY, from which the key is made that vouches for people"))
	}
	return problems
}

// vaultPeople lets people use Vault in their own names; its zero value does not.
type vaultPeople struct {
	people *vault.People
	keys   []byte // public
}

// joinPeople has the desk know people, if the configuration wants it.
func joinPeople(c config, now slipway.Clock, desk *slipway.SecretDesk) (vaultPeople, error) {
	if c.Vault.UserAuth == "" || desk == nil {
		return vaultPeople{}, nil
	}
	kept, ok := desk.Secrets.(*vault.Store)
	if !ok {
		return vaultPeople{}, errors.New("SLIPWAY_VAULT_USER_AUTH is set, and Vault does not keep the secrets")
	}
	keys, err := c.sealingKeys()
	if err != nil {
		return vaultPeople{}, err
	}
	voucher, err := identity.NewVoucher(c.PublicURL, vaultAudience, now, keys...)
	if err != nil {
		return vaultPeople{}, err
	}
	public, err := voucher.Keys()
	if err != nil {
		return vaultPeople{}, err
	}
	people, err := vault.NewPeople(kept, vault.PeopleConfig{Mount: c.Vault.UserMount, Role: c.Vault.UserRole, Vouch: voucher.Vouch})
	if err != nil {
		return vaultPeople{}, err
	}
	desk.People = people
	return vaultPeople{people, public}, nil
}

// run revokes the tokens of who is idle, and in the end all of them.
func (v vaultPeople) run(ctx context.Context) {
	if v.people == nil {
		return
	}
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
			defer cancel()
			v.people.Close(end)
			return
		case <-ticker.C:
			v.people.Sweep(ctx)
		}
	}
}
