package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/server"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Resource is what something was done to.
type Resource struct {
	Team        string `json:"team,omitempty"`
	Service     string `json:"service,omitempty"`
	Environment string `json:"environment,omitempty"`
}

// AuditEntry is one line of the audit.
type AuditEntry struct {
	Chain     string    `json:"chain" doc:"The team, or organisation."`
	Seq       int64     `json:"seq" doc:"Counts the entries of the chain, without gaps."`
	At        time.Time `json:"at"`
	Actor     Person    `json:"actor"`
	TokenID   string    `json:"tokenId,omitempty"`
	Via       string    `json:"via" doc:"browser, rest, slack, mattermost or engine"`
	RequestID string    `json:"requestId,omitempty"`
	Address   string    `json:"address,omitempty"`
	Action    string    `json:"action" example:"deployment.approve"`
	Resource  Resource  `json:"resource"`
	Subject   string    `json:"subject,omitempty"`
	Summary   string    `json:"summary"`
	Detail    Settings  `json:"detail,omitempty"`
	Previous  string    `json:"previous" doc:"Hash of the entry before."`
	Hash      string    `json:"hash"`
}

// Chain says whether one chain of the audit is whole.
type Chain struct {
	Chain   string `json:"chain"`
	Entries int64  `json:"entries"`
	Head    string `json:"head" doc:"Hash of the last entry. Note it elsewhere: that entries were cut off the end shows only against it."`
	Whole   bool   `json:"whole"`
	Fault   string `json:"fault,omitempty" doc:"The first thing wrong."`
}

func auditEntry(e slipway.AuditEntry) AuditEntry {
	return AuditEntry{Chain: e.Chain, Seq: e.Seq, At: at(e.At), Actor: person(e.Actor), TokenID: e.TokenID, Via: string(e.Via), RequestID: e.RequestID,
		Address: e.Address, Action: e.Action, Resource: Resource(e.Resource), Subject: e.Subject, Summary: e.Summary, Detail: Settings(e.Detail), Previous: e.Previous, Hash: e.Hash}
}

type auditIn struct {
	PageIn
	Actor       string `query:"actor" maxLength:"200" doc:"ID, or part of the name."`
	Action      string `query:"action" maxLength:"100" doc:"Whole, or a prefix that ends in a dot: deployment."`
	Team        string `query:"team" maxLength:"63"`
	Service     string `query:"service" maxLength:"63"`
	Environment string `query:"environment" maxLength:"63"`
	Accept      string `header:"Accept" doc:"application/x-ndjson for all that the filter leaves, one entry in a line."`
}

// auditOut is written by hand: it is a page or a stream.
type auditOut struct{ Body func(huma.Context) }

const ndjson = "application/x-ndjson"

func (s *Surface) registerAudit() {
	add(s, operation{id: "list-audit", method: http.MethodGet, path: "/audit", access: server.Needs(slipway.AuditRead), tag: "audit",
		summary: "List who did what, newest first", about: "With Accept: application/x-ndjson everything that the filter leaves, without pages.",
		produce: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[Page[AuditEntry]](s)}, ndjson: {Schema: schemaOf[AuditEntry](s)}}}, s.listAudit)
	add(s, operation{id: "verify-audit", method: http.MethodGet, path: "/audit/verify", access: server.Needs(slipway.AuditRead), tag: "audit",
		summary: "Walk every chain of the audit, and name the first broken entry", about: "For those who may read the whole audit."}, s.verifyAudit)
}

func (s *Surface) listAudit(ctx context.Context, actor slipway.Actor, in *auditIn) (*auditOut, error) {
	filter := slipway.AuditFilter{Actor: in.Actor, Action: in.Action, Team: in.Team, Service: in.Service, Environment: in.Environment}
	export := strings.HasPrefix(in.Accept, ndjson)
	page := in.page()
	if export {
		page.Limit = exportBatch
	}
	rows, next, err := s.App.Activity(ctx, actor, filter, page)
	if err != nil {
		return nil, err
	}
	return &auditOut{func(c huma.Context) {
		if export {
			s.export(ctx, actor, filter, rows, next)
			return
		}
		c.SetHeader("Content-Type", "application/json")
		if err := json.NewEncoder(c.BodyWriter()).Encode(Page[AuditEntry]{Items: each(rows, auditEntry), Next: next}); err != nil {
			exchangeOf(ctx).fail(err)
		}
	}}, nil
}

// exportBatch is how many entries of an export are in memory at once, and
// writeFor how long a client may take for them.
const (
	exportBatch = 200
	writeFor    = 30 * time.Second
)

// export writes all that the filter leaves. The first batch is there before
// anything is sent; an error after that can only cut the answer short.
func (s *Surface) export(ctx context.Context, actor slipway.Actor, filter slipway.AuditFilter, rows []slipway.AuditEntry, next string) {
	x := exchangeOf(ctx)
	x.direct = true
	w := x.c.Response()
	w.Header().Set("Content-Type", ndjson)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	encoder, deadline := json.NewEncoder(w), http.NewResponseController(w)
	for {
		err := deadline.SetWriteDeadline(time.Now().Add(writeFor)) // the network knows no injected clock
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			x.fail(err)
			return
		}
		for _, row := range rows {
			if err := encoder.Encode(auditEntry(row)); err != nil {
				x.fail(err)
				return
			}
		}
		if next == "" {
			return
		}
		w.Flush()
		if rows, next, err = s.App.Activity(ctx, actor, filter, slipway.Page{Cursor: next, Limit: exportBatch}); err != nil {
			x.fail(err)
			return
		}
	}
}

func (s *Surface) verifyAudit(ctx context.Context, actor slipway.Actor, _ *empty) (*answer[Page[Chain]], error) {
	reports, err := s.App.VerifyAudit(ctx, actor)
	if err != nil {
		return nil, err
	}
	return pageOf(reports, "", func(r app.ChainReport) Chain {
		return Chain{Chain: r.Chain, Entries: r.Entries, Head: r.Head, Whole: r.Fault == "", Fault: r.Fault}
	}), nil
}
