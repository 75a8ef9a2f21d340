package client

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
)

// Problem is a refusal or a failure as the server describes it.
type Problem struct {
	Status    int       `json:"status"`
	Code      string    `json:"code"`
	Title     string    `json:"title"`
	Detail    string    `json:"detail"`
	Message   string    `json:"message"` // what happened
	Affected  string    `json:"affected"`
	Do        string    `json:"do"`
	RequestID string    `json:"requestId"`
	Errors    []Fault   `json:"errors"`
	BlockedBy []Verdict `json:"blockedBy"`
}

// Fault is one fault of an input.
type Fault struct {
	Field   string `json:"field"`
	Line    int    `json:"line"`
	Message string `json:"message"`
}

// Verdict says what blocks, since when, until when, and who can change it.
type Verdict struct {
	Gate     string     `json:"gate"`
	Key      string     `json:"key"` // of a deployment's gate
	Result   string     `json:"result"`
	Reason   string     `json:"reason"`
	Since    *time.Time `json:"since"`
	Until    *time.Time `json:"until"`
	Who      string     `json:"who"`
	Have     int        `json:"have"`
	Need     int        `json:"need"`
	Bypassed string     `json:"bypassed"` // who went around it, and why
}

func (p *Problem) Error() string { return p.Detail }

// problem reads an error. Whatever stands between may answer too, in its own
// form.
func problem(answer reply) error {
	var p Problem
	kind, _, _ := mime.ParseMediaType(answer.header.Get("Content-Type"))
	if kind == "application/problem+json" && json.Unmarshal(answer.content, &p) == nil && p.Code != "" {
		return &p
	}
	text := strings.TrimSpace(string(answer.content[:min(len(answer.content), 200)]))
	return &Problem{Status: answer.status, Code: "unknown", Title: http.StatusText(answer.status),
		Message: fmt.Sprintf("The answer was %d %s, and not in Slipway's words.", answer.status, http.StatusText(answer.status)),
		Do:      "Check the address, and what stands between you and Slipway.",
		Detail:  fmt.Sprintf("%d %s", answer.status, text)}
}
