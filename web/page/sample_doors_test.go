package page_test

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

func trust() page.TrustView {
	return page.TrustView{CanAdd: true, Key: key,
		Rules: []page.TrustRow{
			{ID: "3", Name: "Releases of billing-api", On: "service billing-api", Issuer: "https://token.actions.githubusercontent.com", Audience: "https://slipway.example.com",
				Claims: []string{"ref = refs/heads/main", "repository_id = 123456", "repository_owner_id = 789"}, Permissions: []string{"service.read", "release.create", "deployment.promote"},
				Where: []string{"dev", "staging"}, Lives: "15m", By: "Mira Holm", At: ago(3 * day)},
			{ID: "4", Name: "Nightly", On: "team payments", Issuer: "https://gitlab.example.com", Audience: "https://slipway.example.com", Claims: []string{"namespace_id = 7", "project_id = 9"},
				Permissions: []string{"service.read"}, Lives: "1h", By: "Ana Nordin", At: ago(time.Hour)},
		},
		Name: component.Field{Name: "name", Label: "Name", Required: true}, On: component.Field{Name: "on", Label: "For", Required: true, Mono: true},
		Kinds:  []component.Option{{Value: "github", Label: "GitHub Actions", Selected: true}, {Value: "gitlab", Label: "GitLab CI/CD"}},
		Issuer: component.Field{Name: "issuer", Label: "Issuer", Required: true, Mono: true}, Audience: component.Field{Name: "audience", Label: "Audience", Required: true, Error: "Is needed."},
		Claims: component.Field{Name: "claims", Label: "Its tokens say", Rows: 4, Mono: true}, Minutes: component.Field{Name: "lifetime", Label: "Minutes", Value: "15", Type: "number"},
		Permissions: []component.Option{{Value: "release.create", Label: "release.create", Selected: true}}, Where: []component.Option{{Value: "staging", Label: "staging"}},
		Problems: []component.Link{{Text: "audience: is needed.", Href: "#audience"}},
	}
}

func device(found bool) page.DeviceView {
	return page.DeviceView{Key: key, Found: found, Code: component.Field{Name: "code", Label: "Code", Value: "BCDF-GHJK", Required: true, Mono: true, Hint: "slipway login shows it in your terminal."},
		Name: "laptop", Address: "192.0.2.7", May: []string{"all that you may"}, Lives: "30 days", Expires: in(9 * time.Minute)}
}
