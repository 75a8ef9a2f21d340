package main

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestRetention(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		set  []string
		want slipway.Retention
	}{
		"unless something is said": {nil, slipway.Retention{Logs: 90 * day, Events: 30 * day, Keys: 7 * day}},
		"days and hours": {[]string{"SLIPWAY_RETAIN_LOGS=400d", "SLIPWAY_RETAIN_EVENTS=36h", "SLIPWAY_RETAIN_KEYS=1h"},
			slipway.Retention{Logs: 400 * day, Events: 36 * time.Hour, Keys: time.Hour}},
		"for ever": {[]string{"SLIPWAY_RETAIN_LOGS=forever", "SLIPWAY_RETAIN_EVENTS=forever", "SLIPWAY_RETAIN_KEYS=forever"}, slipway.Retention{}},
	} {
		cfg, err := loadConfig("", good(c.set...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, _ := cfg.retention(); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	for _, text := range []string{"0", "0d", "-1d", "59m", "90", "d", "1.5d", "99999d", "never", "30 d"} {
		_, err := loadConfig("", good("SLIPWAY_RETAIN_LOGS="+text, "SLIPWAY_RETAIN_EVENTS="+text))
		if err == nil || !strings.Contains(err.Error(), "SLIPWAY_RETAIN_LOGS: is a time such as 90d") || !strings.Contains(err.Error(), "SLIPWAY_RETAIN_EVENTS: ") {
			t.Errorf("%q was taken: %v", text, err)
		}
	}
}
