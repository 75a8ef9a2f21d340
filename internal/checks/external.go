package checks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// The headers of what we send. The signature is over the timestamp, a full stop
// and the body, so that neither can be changed nor the whole be sent again later.
const (
	headerTimestamp = "X-Slipway-Timestamp"
	headerSignature = "X-Slipway-Signature"
)

// maxReply is how much of an external system's answer is read.
const maxReply = 64 << 10

// question is what an external gate sends.
type question struct {
	Gate        string             `json:"gate"`
	Deployment  int64              `json:"deployment"`
	Service     string             `json:"service"`
	Team        string             `json:"team"`
	Environment string             `json:"environment"`
	Version     string             `json:"version"`
	Previous    string             `json:"previous,omitempty"`
	Commit      string             `json:"commit,omitempty"`
	Cause       slipway.Cause      `json:"cause"`
	Plan        string             `json:"plan"` // its digest
	Requester   slipway.Person     `json:"requester"`
	Note        string             `json:"note,omitempty"`
	Reversible  bool               `json:"reversible"`
	Artifacts   []slipway.Artifact `json:"artifacts"`
	AskedAt     time.Time          `json:"askedAt"`
}

// reply is what it has to answer.
type reply struct {
	Allow  *bool      `json:"allow"`
	Reason string     `json:"reason"`
	Until  *time.Time `json:"until"`
}

// probeExternal asks another system. Anything but a clear answer leaves the
// gate shut, with what came instead.
func (k *Checks) probeExternal(ctx context.Context, g slipway.ExternalGate, s slipway.ProbeSubject) slipway.Probe {
	host := hostOf(g.URL)
	who := "who runs " + host
	if k.secret == "" {
		return unknown(whoOperates, "This portal signs nothing: set SLIPWAY_WEBHOOK_SECRET here and at %s.", host)
	}
	if fault := slipway.CheckURL(g.URL); fault != "" {
		return unknown("who may apply the pipeline of "+s.Deployment.Service, "The address %s of the gate %s.", quoted(g.URL), fault)
	}
	ctx, limit, cancel := within(ctx, g.Within)
	defer cancel()
	request, err := k.ask(ctx, g, s)
	if err != nil {
		return unknown(whoOperates, "%s could not be asked: %s.", host, plain(err))
	}
	response, err := k.out.Client(outbound.Limits{Within: time.Duration(limit), Body: maxReply}).Do(request)
	if err != nil {
		return unaskable(ctx, err, host, limit)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	switch {
	case errors.Is(err, outbound.ErrTooLarge):
		return unknown(who, "The answer of %s is too long to be one.", host)
	case err != nil:
		return unaskable(ctx, err, host, limit)
	case response.StatusCode != http.StatusOK:
		return unknown(who, "%s answered %s, not 200 OK.", host, statusWords(response.StatusCode))
	}
	return understand(body, host, s.Now)
}

// ask writes the signed request.
func (k *Checks) ask(ctx context.Context, g slipway.ExternalGate, s slipway.ProbeSubject) (*http.Request, error) {
	d := s.Deployment
	artifacts := s.Release.Content.Artifacts
	if artifacts == nil {
		artifacts = []slipway.Artifact{}
	}
	body, err := json.Marshal(question{Gate: slipway.Gate{External: &g}.Title(), Deployment: d.ID, Service: d.Service, Team: d.Team,
		Environment: d.Environment, Version: d.Version, Previous: checkSubject(s).Stable, Commit: s.Release.Content.Commit, Cause: d.Cause,
		Plan: d.PlanDigest, Requester: d.RequestedBy, Note: d.Note, Reversible: s.Release.Content.Reversible, Artifacts: artifacts, AskedAt: s.Now})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	at := strconv.FormatInt(s.Now.Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "slipway-gate")
	request.Header.Set(headerTimestamp, at)
	request.Header.Set(headerSignature, "sha256="+k.secret.sign(at, body))
	return request, nil
}

// sign is the HMAC-SHA256 of a body sent at a time, in hex.
func (s Secret) sign(at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(s))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func understand(body []byte, host string, now time.Time) slipway.Probe {
	who := "who runs " + host
	var r reply
	if err := json.Unmarshal(body, &r); err != nil || r.Allow == nil {
		return unknown(who, "The answer of %s says neither {\"allow\": true} nor {\"allow\": false}.", host)
	}
	p := slipway.Probe{Result: slipway.Fail, Who: who, Reason: sentence(host+" says no", r.Reason)}
	switch {
	case *r.Allow:
		p = slipway.Probe{Result: slipway.Pass, Reason: sentence(host+" agrees", r.Reason)}
	case r.Until != nil && r.Until.After(now):
		until := r.Until.UTC().Truncate(time.Second)
		p.Result, p.Until = slipway.Wait, &until
	}
	return p
}

// unaskable is unreached for a gate: whatever the cause, it is not known.
func unaskable(ctx context.Context, err error, host string, limit slipway.Duration) slipway.Probe {
	var refused *outbound.RefusedError
	if errors.As(err, &refused) {
		return unknown(whoOperates, "%s.", refused)
	}
	return unknown("who runs "+host, "%s", unreached(ctx, err, host, limit).Message)
}

// sentence joins what happened and the words of others for it.
func sentence(what, why string) string {
	if why = short(why); why != "" {
		what += ": " + why
	}
	if last := what[len(what)-1]; last != '.' && last != '!' && last != '?' {
		what += "."
	}
	return what
}
