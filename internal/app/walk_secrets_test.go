package app_test

import (
	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// secretCases are the use cases of secrets, in prod of shop, which has version 2.
func secretCases() map[string]useCase {
	secret := func(p slipway.Permission, by slipway.Actor, action string, call func(*rig, slipway.Actor) error) useCase {
		return useCase{asks: p, stranger: hidden, foreign: hidden, viewer: denied, by: by, action: action, on: inProd, call: call}
	}
	proposal := func(p slipway.Permission, by slipway.Actor, action string, call func(*rig, slipway.Actor) error) useCase {
		u := secret(p, by, action, call)
		u.on = slipway.Resource{Team: "web", Service: "bank", Environment: "prod"}
		return u
	}
	return map[string]useCase{
		"Secrets": {asks: slipway.ServiceRead, stranger: hidden, foreign: hidden, by: viewer, call: func(r *rig, a slipway.Actor) error {
			return of(r.Secrets(r.ctx, a, "shop"))
		}},
		"SecretsIn": secret(slipway.SecretList, lead, "", func(r *rig, a slipway.Actor) error { return of(r.SecretsIn(r.ctx, a, "shop", "prod")) }),
		"SecretVersions": secret(slipway.SecretList, lead, "", func(r *rig, a slipway.Actor) error {
			return of(r.SecretVersions(r.ctx, a, "shop", "prod"))
		}),
		"CompareSecrets": secret(slipway.SecretList, lead, "", func(r *rig, a slipway.Actor) error {
			return of(r.CompareSecrets(r.ctx, a, "shop", "prod", "staging"))
		}),
		"PreviewImport": secret(slipway.SecretWrite, dev, "", func(r *rig, a slipway.Actor) error {
			return of(r.PreviewImport(r.ctx, a, "shop", "prod", changes("KEY", "3")))
		}),
		"SetSecrets": secret(slipway.SecretWrite, dev, "secret.set", func(r *rig, a slipway.Actor) error {
			return of(r.SetSecrets(r.ctx, a, app.SetSecrets{Service: "shop", Environment: "prod", Changes: changes("KEY", "3")}))
		}),
		"RestrictSecrets": secret(slipway.SecretWrite, dev, "secret.restricted", func(r *rig, a slipway.Actor) error {
			return of(r.RestrictSecrets(r.ctx, a, app.RestrictSecrets{Service: "shop", Environment: "prod", Keys: []string{"KEY"}}))
		}),
		"RestoreSecrets": secret(slipway.SecretWrite, dev, "secret.restored", func(r *rig, a slipway.Actor) error {
			return of(r.RestoreSecrets(r.ctx, a, app.RestoreSecrets{Service: "shop", Environment: "prod", Version: 1}))
		}),
		"RemoveSecrets": secret(slipway.SecretWrite, dev, "secret.deleted", func(r *rig, a slipway.Actor) error {
			return of(r.RemoveSecrets(r.ctx, a, app.RemoveSecrets{Service: "shop", Environment: "prod", Verb: app.DeleteVersions, Versions: []int{1}}))
		}),
		"RolloutSecrets": {asks: slipway.DeploymentPromote, stranger: hidden, foreign: hidden, viewer: denied, by: dev, action: "deployment.rotation",
			on: slipway.Resource{Team: "web", Service: "bank", Environment: "staging"}, call: func(r *rig, a slipway.Actor) error {
				return of(r.RolloutSecrets(r.ctx, a, app.RolloutSecrets{Service: "bank", Environment: "staging"}))
			}},
		"FindSecrets": {asks: slipway.SecretList, by: lead, call: func(r *rig, a slipway.Actor) error { return of(r.FindSecrets(r.ctx, a, "KEY")) }},
		"CompareVersions": secret(slipway.SecretList, lead, "", func(r *rig, a slipway.Actor) error {
			return of(r.CompareVersions(r.ctx, a, "shop", "prod", 1, 2))
		}),
		"SecretProposals": {asks: slipway.ServiceRead, stranger: hidden, foreign: hidden, by: viewer, call: func(r *rig, a slipway.Actor) error {
			return of(r.SecretProposals(r.ctx, a, "bank"))
		}},
		"SecretProposal": proposal(slipway.SecretList, dev, "", func(r *rig, a slipway.Actor) error { return of(r.SecretProposal(r.ctx, a, 1)) }),
		"ApproveSecrets": proposal(slipway.DeploymentApprove, lead, "secret.approve", func(r *rig, a slipway.Actor) error {
			v, err := r.SecretProposal(r.ctx, root, 1)
			ok(r.t, err)
			return of(r.ApproveSecrets(r.ctx, a, app.DecideSecrets{Proposal: 1, Digest: v.Digest}))
		}),
		"RejectSecrets": proposal(slipway.DeploymentApprove, lead, "secret.reject", func(r *rig, a slipway.Actor) error {
			return of(r.RejectSecrets(r.ctx, a, app.DecideSecrets{Proposal: 1, Comment: "not now"}))
		}),
		"WithdrawSecrets": proposal(slipway.SecretWrite, dev, "secret.withdraw", func(r *rig, a slipway.Actor) error {
			return of(r.WithdrawSecrets(r.ctx, a, app.DecideSecrets{Proposal: 1}))
		}),
		"RevealSecret": secret(slipway.SecretReveal, boss, "secret.revealed", func(r *rig, a slipway.Actor) error {
			return of(r.RevealSecret(r.ctx, a, app.RevealSecret{Service: "shop", Environment: "prod", Key: "KEY"}))
		}),
	}
}
