package page_test

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func secrets() page.SecretsView {
	cell := func(environment string, s component.State, word, note string) page.SecretCell {
		return page.SecretCell{Environment: environment, State: s, Word: word, Note: note, CanReveal: word == "set"}
	}
	return page.SecretsView{Team: "Payments", Service: "billing-api", Chosen: "production", Over: "4", CanWrite: true, Key: key,
		Refusal: &page.SecretRefusal{Title: "You cannot see the secrets of staging.", In: []string{"staging"}, Reasons: []string{"Vault's own policies do not let Ana Nordin do this at secret/payments/billing-api/staging."},
			Do: "Who runs Vault can give Ana Nordin, or one of their groups, a policy for that path."},
		Columns: []page.SecretColumn{
			{Environment: "dev", Href: "/s/billing-api/secrets?environment=dev", Version: "9", By: "Jonas Lind", At: ago(time.Hour),
				Rotation: &page.SecretRotation{Keys: "DATABASE_URL", Note: "It takes the new one with its next deployment, or with one of its own.", Offer: true}},
			{Environment: "staging", Hidden: "You may not list secrets of billing-api in staging."},
			{Environment: "production", Href: "/s/billing-api/secrets?environment=production", Version: "4", Problem: "Vault is sealed, since 12:04:10 UTC."},
		},
		Rows: []page.SecretRow{
			{Key: "DATABASE_URL", Cells: []page.SecretCell{cell("dev", component.Live, "set", "value A"), cell("staging", component.Unknown, "not for you to see", ""), cell("production", component.Live, "set", "value B, version 3 runs")}},
			{Key: "STRIPE_KEY", Cells: []page.SecretCell{cell("dev", component.None, "not set", ""), cell("staging", component.Unknown, "not for you to see", ""), cell("production", component.Failed, "missing", "")}},
			{Key: "SIGNING_KEY", Cells: []page.SecretCell{{Environment: "dev", State: component.Live, Word: "set", Note: "value A", Restricted: true}, cell("staging", component.Unknown, "not for you to see", ""), cell("production", component.None, "not set", "")}},
		},
		VersionDiff: &page.SecretVersionDiff{Title: "Version 4 against version 3", Keys: []page.SecretKeyChange{{Key: "DATABASE_URL", What: "changed"}, {Key: "SIGNING_KEY", What: "restricted"}, {Key: "STRIPE_KEY", What: "new"}}},
		Restrict:    []component.Option{{Value: "DATABASE_URL", Label: "DATABASE_URL"}},
		Changes: []page.SecretChange{
			{ID: "7", Environment: "production", What: "Sets STRIPE_KEY", Over: "4", AskedBy: "Jonas Lind", AskedAt: ago(time.Hour), State: component.Waiting, Word: "pending",
				Need: "0 of 1 approvals. 1 more from payments-leads.", Digest: "sha256:4f1c", DigestShort: "4f1c", CanApprove: true, CanReject: true},
			{ID: "6", Environment: "production", What: "Imports A, B", Over: "3", AskedBy: "Jonas Lind", AskedAt: ago(6 * time.Hour), State: component.Failed, Word: "rejected", Need: "Rejected by Ana Nordin: not today"},
		},
		Versions: []page.SecretVersion{
			{Number: "4", At: ago(time.Hour), Word: "there", How: "set by Ana Nordin", Keys: "DATABASE_URL", Delete: true, Destroy: true, ChangesHref: "/s/billing-api/secrets?environment=production&changes=4"},
			{Number: "3", At: ago(6 * day), Word: "there", How: "imported by Jonas Lind", Keys: "DATABASE_URL", Runs: true, Restore: true, ChangesHref: "/s/billing-api/secrets?environment=production&changes=3"},
			{Number: "2", At: ago(9 * day), Word: "destroyed", How: "outside of Slipway"},
		},
		Name:  component.Field{Name: "key", Label: "Key", Required: true, Mono: true},
		Value: component.Field{Name: "value", Label: "Value", Type: "password", Hint: "It is not shown again."},
		Paste: component.Field{Name: "text", Label: "A .env file or a JSON object", Rows: 6, Mono: true}, Preview: &page.SecretPreview{New: "STRIPE_KEY", Replace: "none", Keep: "DATABASE_URL"},
		Revealed: &page.RevealedSecret{Key: "DATABASE_URL", Environment: "dev", Value: "postgres://billing@db/billing", Seconds: "30"},
	}
}
