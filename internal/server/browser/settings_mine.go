package browser

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

const myNotificationsPath = "/settings/me/notifications"

func (s *Surface) myNotifications(c echo.Context) error {
	p, err := s.App.Preferences(c.Request().Context(), server.ActorOf(c))
	if err != nil {
		return err
	}
	return s.showMine(c, http.StatusOK, p, nil)
}

func (s *Surface) showMine(c echo.Context, status int, p slipway.Preferences, refused *slipway.Error) error {
	ctx, actor := c.Request().Context(), server.ActorOf(c)
	sh, err := s.shell(c, "settings", "What you are told")
	if err != nil {
		return err
	}
	staysAt(c, &sh, myNotificationsPath)
	teams, err := s.App.Teams(ctx, actor)
	if err != nil {
		return err
	}
	quiet := slipway.QuietHours{From: "22:00", Until: "07:00", Zone: zoneOf(person(c).Zone).String()}
	if p.Quiet != nil {
		quiet = *p.Quiet
	}
	v := page.MyNotificationsView{Approvals: p.Approvals, Urgent: p.Urgent, Quiet: p.Quiet != nil, Kinds: kindOptions(p.Kinds), Key: sh.Key,
		Services: component.Field{Name: "services", Label: "Of services", Hint: "Names, one per line.", Rows: 3, Mono: true, Value: strings.Join(p.Services, "\n"), Error: fieldError(refused, "services")},
		From:     component.Field{Name: "from", Label: "From", Type: "time", Value: quiet.From, Error: fieldError(refused, "quiet.from")},
		Until:    component.Field{Name: "until", Label: "Until", Type: "time", Value: quiet.Until, Error: fieldError(refused, "quiet.until")},
		Zone:     component.Field{Name: "zone", Label: "Time zone", Mono: true, Value: quiet.Zone, Hint: "Such as Europe/Stockholm.", Error: fieldError(refused, "quiet.zone")}}
	for _, channel := range []struct{ value, label string }{{"email", "E-mail"}, {"slack", "Slack, where you linked your account"}, {"mattermost", "Mattermost, where you linked your account"}} {
		o := component.Option{Value: channel.value, Label: channel.label, Selected: string(p.Channel) == channel.value}
		if !slices.Contains(s.App.Tells, slipway.DeliveryChannel(channel.value)) {
			o.Note = "not connected here"
		}
		v.Channels = append(v.Channels, o)
	}
	if !slices.Contains(s.App.Tells, p.Channel) {
		v.NoWay = "Nothing is told this way yet: this portal is not connected to it. Whoever runs Slipway can change that."
	}
	for _, t := range teams {
		v.Teams = append(v.Teams, component.Option{Value: t.Name, Label: t.Name, Selected: slices.Contains(p.Teams, t.Name)})
	}
	if refused != nil {
		v.Problems = formProblems(refused)
	}
	return s.render(c, status, page.MyNotifications(sh, v))
}

func (s *Surface) saveMine(c echo.Context) error {
	form := c.Request().PostForm
	p := slipway.Preferences{Approvals: c.FormValue("approvals") != "", Urgent: c.FormValue("urgent") != "", Channel: slipway.DeliveryChannel(text(c, "channel")),
		Kinds: form["kind"], Teams: form["team"], Services: strings.Fields(c.FormValue("services"))}
	if c.FormValue("quiet") != "" {
		p.Quiet = &slipway.QuietHours{From: text(c, "from"), Until: text(c, "until"), Zone: text(c, "zone")}
	}
	err := s.App.SetPreferences(c.Request().Context(), server.ActorOf(c), p)
	if e, status, ok := refusal(err); ok {
		return s.showMine(c, status, p, e)
	}
	if err != nil {
		return err
	}
	return s.done(c, myNotificationsPath, "Saved.", component.Link{})
}
