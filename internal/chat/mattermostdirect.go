package chat

import (
	"context"
	"errors"
	"net/http"
)

// Direct is where one user is told, and nobody else: the conversation of the bot
// with them. Opening one that there is already finds it again.
func (m *Mattermost) Direct(ctx context.Context, user string) (channel string, err error) {
	bot, err := m.self(ctx)
	if err != nil {
		return "", err
	}
	a, err := m.call(ctx, http.MethodPost, "/api/v4/channels/direct", []string{bot, user})
	if err == nil && a.ID == "" {
		err = errors.New("what Mattermost answered names no channel")
	}
	return a.ID, err
}

// self is whom the token is of.
func (m *Mattermost) self(ctx context.Context) (string, error) {
	m.mu.Lock()
	bot := m.bot
	m.mu.Unlock()
	if bot != "" {
		return bot, nil
	}
	a, err := m.call(ctx, http.MethodGet, "/api/v4/users/me", nil)
	if err != nil {
		return "", err
	}
	if a.ID == "" {
		return "", errors.New("what Mattermost answered names nobody")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bot = a.ID
	return a.ID, nil
}
