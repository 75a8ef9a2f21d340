package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestHowOthersAreAsked(t *testing.T) {
	t.Parallel()
	for fault, environ := range map[string][]string{
		"":                                  {"SLIPWAY_OUTBOUND_ALLOW=10.0.0.0/8, loopback", "SLIPWAY_PROMETHEUS_URL=http://10.0.0.9:9090/prometheus", "SLIPWAY_PROMETHEUS_ORG=shop"},
		"SLIPWAY_OUTBOUND_ALLOW: \"10.0.\"": {"SLIPWAY_OUTBOUND_ALLOW=10.0."},
		"SLIPWAY_PROMETHEUS_TOKEN, which":   {"SLIPWAY_PROMETHEUS_URL=https://me:hush@prometheus"},
		"SLIPWAY_PROMETHEUS_URL: is the":    {"SLIPWAY_PROMETHEUS_URL=https://prometheus/?x=1"},
		"SLIPWAY_PROMETHEUS_URL: is miss":   {"SLIPWAY_PROMETHEUS_TOKEN=hush"},
		"are one line":                      {"SLIPWAY_PROMETHEUS_URL=https://prometheus", "SLIPWAY_PROMETHEUS_ORG=a\r\nX: y"},
		"SLIPWAY_WEBHOOK_SECRET: is at":     {"SLIPWAY_WEBHOOK_SECRET=123456789012345"},
	} {
		_, err := loadConfig("", good(environ...))
		if (err != nil) != (fault != "") || err != nil && !strings.Contains(err.Error(), fault) {
			t.Errorf("%v: want %q, got %v", environ, fault, err)
		}
	}
	c, err := loadConfig("", good("SLIPWAY_PROMETHEUS_URL=https://prometheus", "SLIPWAY_PROMETHEUS_TOKEN=hush-hush", "SLIPWAY_WEBHOOK_SECRET=hush-hush-hush-hush"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if c.print(&out); strings.Contains(out.String(), "hush") {
		t.Errorf("a secret is printed:\n%s", out.String())
	}
}

func TestDevAsksThisMachine(t *testing.T) {
	t.Parallel()
	c, err := config{}.forDev([]string{"HOME=/root", "SLIPWAY_LISTEN=:1"})
	if err != nil || c.OutboundAllow != "loopback" || len(c.WebhookSecret) < shortestSecret || c.Listen != "" {
		t.Errorf("%+v, %v", c, err)
	}
	if kept, err := c.retention(); err != nil || kept.Logs == 0 || kept.Events == 0 || kept.Keys == 0 {
		t.Errorf("%+v, %v", kept, err)
	}
	c, err = config{}.forDev([]string{"SLIPWAY_PROMETHEUS_URL=http://127.0.0.1:9090", "SLIPWAY_OUTBOUND_ALLOW=10.0.0.0/8"})
	if err != nil || c.OutboundAllow != "10.0.0.0/8" || c.PrometheusURL != "http://127.0.0.1:9090" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := (config{}).forDev([]string{"SLIPWAY_OUTBOUND_ALLOW=home"}); err == nil {
		t.Error("a network called home was accepted")
	}
	if _, err := (config{}).forDev([]string{"SLIPWAY_RETAIN_LOGS=a while"}); err == nil {
		t.Error("a while was accepted as a time")
	}
}
