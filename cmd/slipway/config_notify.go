package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/chat"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/secrets/sealed"
	"github.com/slipway-dev/slipway/internal/server/chatops"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// smtpConfig is how mail is sent; without an address there is none.
type smtpConfig struct{ URL, Password, From string }

func smtpSettings() []setting {
	return []setting{
		{"SLIPWAY_SMTP_URL", false, "", func(c *config) *string { return &c.SMTP.URL }, "server that mail is sent through: smtp://user@host:587 or smtps://user@host:465"},
		{"SLIPWAY_SMTP_PASSWORD", true, "", func(c *config) *string { return &c.SMTP.Password }, "its password"},
		{"SLIPWAY_SMTP_FROM", false, "", func(c *config) *string { return &c.SMTP.From }, "address that mail comes from"},
	}
}

// mail is the sender of mail; nil if there is none.
func (c config) mail() (*notify.Mail, error) {
	if c.SMTP.URL == "" {
		if c.SMTP.Password+c.SMTP.From != "" {
			return nil, errors.New("SLIPWAY_SMTP_URL: is missing, and the password or the sender's address is set")
		}
		return nil, nil //nolint:nilnil // no mail is an answer here
	}
	m, err := notify.NewMail(notify.MailConfig{URL: c.SMTP.URL, Password: slipway.NewSecret(c.SMTP.Password), From: c.SMTP.From, PublicURL: c.PublicURL})
	if err != nil {
		return nil, fmt.Errorf("SLIPWAY_SMTP_URL: %w", err)
	}
	return m, nil
}

// tellers are those who tell people and machines what happens.
type tellers struct {
	notifier  *notify.Notifier
	announcer *notify.Announcer
}

// run tells until ctx ends.
func (t tellers) run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { t.notifier.Run(ctx) })
	wg.Go(func() { t.announcer.Run(ctx) })
	wg.Wait()
}

// newTellers puts them together, and tells the use cases where people may be told.
func newTellers(ctx context.Context, p parts, usecases *app.App) (tellers, error) {
	posters, err := newPosters(p.config)
	if err != nil {
		return tellers{}, err
	}
	seal, err := sealOf(p.config)
	if err != nil {
		return tellers{}, err
	}
	notifier, err := newNotifier(ctx, p, usecases, posters)
	return tellers{notifier, &notify.Announcer{Store: p.store, Feed: p.store, Posters: posters, Seal: seal, PublicURL: p.config.PublicURL, Clock: p.store.Now, Log: p.log}}, err
}

// newPosters are the chat systems that Slipway may post in.
func newPosters(c config) (map[slipway.ChatPlatform]notify.Poster, error) {
	posters := map[slipway.ChatPlatform]notify.Poster{}
	if c.Slack.BotToken != "" {
		client, err := chat.NewSlack(c.Slack.URL, slipway.NewSecret(c.Slack.BotToken), dialChat)
		if err != nil {
			return nil, err
		}
		posters[slipway.Slack] = client
	}
	if c.Mattermost.BotToken != "" {
		seal, err := sealOf(c)
		if err != nil {
			return nil, err
		}
		reports := ""
		if seal != nil {
			reports = chatops.MattermostActionURL(c.PublicURL, seal)
		}
		client, err := chat.NewMattermost(c.Mattermost.URL, slipway.NewSecret(c.Mattermost.BotToken), reports, dialChat)
		if err != nil {
			return nil, err
		}
		posters[slipway.Mattermost] = notify.MattermostPoster{Mattermost: client}
	}
	return posters, nil
}

func newNotifier(ctx context.Context, p parts, usecases *app.App, posters map[slipway.ChatPlatform]notify.Poster) (*notify.Notifier, error) {
	allowed, err := outbound.ParseAllow(p.config.OutboundAllow)
	if err != nil {
		return nil, err
	}
	n := &notify.Notifier{Store: p.store, Feed: p.store, Rights: usecases, PublicURL: p.config.PublicURL, Clock: p.store.Now, Log: p.log, Addresses: notify.ChatAddresses{},
		Senders: map[slipway.DeliveryChannel]notify.Sender{slipway.ToWebhook: notify.NewWebhook(outbound.New(allowed), p.config.PublicURL)}}
	mail, err := p.config.mail()
	if err != nil {
		return nil, err
	}
	if mail != nil {
		n.Senders[slipway.ToEmail] = mail
	}
	for platform, poster := range posters {
		n.Senders[slipway.DeliveryChannel(platform)] = notify.Chat{Poster: poster}
	}
	for channel := range n.Senders {
		usecases.Tells = append(usecases.Tells, channel)
	}
	slices.Sort(usecases.Tells)
	keys, err := p.config.sealingKeys()
	if err != nil || len(keys) == 0 {
		return n, err
	}
	box, err := sealed.NewBox(keys...)
	if err != nil {
		return nil, err
	}
	n.Sealer, usecases.Sealer = box, box
	return n, resealRoutes(ctx, p.store, box, p.log)
}

// resealRoutes seals the secrets of routes under the key of today, so that the one
// before it can be forgotten.
func resealRoutes(ctx context.Context, rows slipway.Store, box *sealed.Box, log *slog.Logger) error {
	return rows.Write(ctx, func(tx slipway.Tx) error {
		routes, err := tx.Routes().List(ctx)
		if err != nil {
			return err
		}
		for _, r := range routes {
			if len(r.Sealed.Data) == 0 || box.Fresh(r.Sealed) {
				continue
			}
			secret, err := box.Open(r.SealedAt(), r.Sealed)
			if err != nil { // the route says so itself, at its next delivery
				log.WarnContext(ctx, "the secret of a notification route does not open", "route", r.ID, "error", err)
				continue
			}
			again, err := box.Seal(r.SealedAt(), secret)
			if err != nil {
				return err
			}
			if err := tx.Routes().PutSealed(ctx, r.ID, again); err != nil {
				return err
			}
		}
		return nil
	})
}
