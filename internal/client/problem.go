package client

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
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
