package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"

	"github.com/slipway-dev/slipway/internal/outbound"
)

// providerPrometheus is the name of our only kind of source so far.
const providerPrometheus = "prometheus"

// Prometheus is where figures come from. Its address is the operator's and
// trusted, wherever it lies.
type Prometheus struct {
	URL   string // without /api/v1
	Token Secret
	Org   string // X-Scope-OrgID, for stores with several tenants
}

// Limits of one query. The callers' own time limits are nearer.
const (
	queryWithin = 2 * time.Minute
	maxAnswer   = 4 << 20
)

// source asks one Prometheus.
type source struct {
	client api.Client
	config Prometheus
	host   string
}

func newSource(p Prometheus) (*source, error) {
	out, err := outbound.ClientFor(p.URL, outbound.Limits{Within: queryWithin, Body: maxAnswer})
	if err != nil {
		return nil, err
	}
	client, err := api.NewClient(api.Config{Address: p.URL, Client: out})
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil, err
	}
	return &source{client: client, config: p, host: u.Host}, nil
}

// figures are what a query gives: one number, one per series, or none.
type figures struct {
	values   []float64
	at       string // the moment that they are of, by the server's clock; empty if it does not say
	warnings []string
}

// answer is Prometheus's own form.
type answer struct {
	Status string `json:"status"`
	Data   struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
	ErrorType string   `json:"errorType"`
	Error     string   `json:"error"`
	Warnings  []string `json:"warnings"`
	Infos     []string `json:"infos"`
}

// ask runs an instant query, of the moment at or, where that is empty, of now.
// The server's clock says what now is: ours may be ahead of its newest samples.
// What is compared has to be of one moment, so the first answer's is for the
// second question. An error is a sentence without its stop.
func (s *source) ask(ctx context.Context, query, at string) (figures, error) {
	form := url.Values{"query": {query}}
	if at != "" {
		form.Set("time", at)
	}
	if end, ok := ctx.Deadline(); ok { // a server that knows stops its work, too
		form.Set("timeout", strconv.FormatInt(max(1, time.Until(end).Milliseconds()), 10)+"ms")
	}
	address := s.client.URL("/api/v1/query", nil).String()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return figures{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.config.Token != "" {
		request.Header.Set("Authorization", "Bearer "+string(s.config.Token))
	}
	if s.config.Org != "" {
		request.Header.Set("X-Scope-OrgID", s.config.Org)
	}
	response, body, err := s.client.Do(ctx, request) //nolint:bodyclose // it has read the body and closed it
	if err != nil {
		return figures{}, s.unreached(ctx, err)
	}
	var a answer
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err := json.Unmarshal(body, &a); err != nil || (a.Status != "success" && a.Status != "error") {
		return figures{}, s.foreign(response.StatusCode, kind)
	}
	if a.Status == "error" || response.StatusCode/100 != 2 {
		return figures{}, s.refused(response.StatusCode, a)
	}
	values, at, err := a.values()
	return figures{values: values, at: at, warnings: append(a.Warnings, a.Infos...)}, err
}

func (s *source) unreached(ctx context.Context, err error) error {
	var late net.Error
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		return errors.New("the query was interrupted")
	case errors.Is(err, outbound.ErrTooLarge):
		return fmt.Errorf("the answer of %s is longer than %d MB: ask for fewer series", s.host, maxAnswer>>20)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		return fmt.Errorf("%s did not answer in time", s.host)
	default:
		return fmt.Errorf("%s cannot be reached: %s", s.host, plain(err))
	}
}

// foreign is about an answer that is not Prometheus's own.
func (s *source) foreign(status int, kind string) error {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("%s does not let Slipway in (%s): check SLIPWAY_PROMETHEUS_TOKEN and SLIPWAY_PROMETHEUS_ORG", s.host, statusWords(status))
	case status/100 == 3:
		return fmt.Errorf("%s answered %s: SLIPWAY_PROMETHEUS_URL leads elsewhere, and redirects are not followed", s.host, statusWords(status))
	case status == http.StatusNotFound:
		return fmt.Errorf("%s has no /api/v1/query (%s): check the path of SLIPWAY_PROMETHEUS_URL", s.host, statusWords(status))
	case kind == "":
		kind = "no type"
	}
	return fmt.Errorf("%s answered %s with %s, which is not how Prometheus answers: something in between may have", s.host, statusWords(status), kind)
}

// refused is about a query that Prometheus did not answer.
func (s *source) refused(status int, a answer) error {
	said := strings.TrimSuffix(short(a.Error), ".")
	switch {
	case status == http.StatusBadRequest:
		return fmt.Errorf("Prometheus does not understand the query: %s", said)
	case status == http.StatusUnprocessableEntity:
		return fmt.Errorf("Prometheus cannot work the query out: %s", said)
	case status == http.StatusServiceUnavailable:
		return fmt.Errorf("Prometheus gave the query up: %s", said)
	default:
		return fmt.Errorf("%s answered %s: %s", s.host, statusWords(status), said)
	}
}

// values reads the numbers of an answer, and of which moment they are. Of a
// matrix it is the last number of each series: what a range ends in is what
// holds now.
func (a answer) values() (values []float64, at string, err error) {
	switch a.Data.ResultType {
	case "scalar":
		var one sample
		if err := json.Unmarshal(a.Data.Result, &one); err != nil {
			return nil, "", errNoFigures
		}
		return []float64{one.value}, one.at, nil
	case "vector", "matrix":
		var series []struct {
			Value      *sample         `json:"value"`
			Values     []sample        `json:"values"`
			Histogram  json.RawMessage `json:"histogram"`
			Histograms json.RawMessage `json:"histograms"`
		}
		if err := json.Unmarshal(a.Data.Result, &series); err != nil {
			return nil, "", errNoFigures
		}
		for _, of := range series {
			switch {
			case of.Value != nil:
				values, at = append(values, of.Value.value), of.Value.at
			case len(of.Values) > 0:
				values = append(values, of.Values[len(of.Values)-1].value)
			case of.Histogram != nil || of.Histograms != nil:
				return nil, "", errors.New("the query gives a whole histogram: make it a number, with histogram_quantile for instance")
			}
		}
		return values, at, nil
	case "string":
		return nil, "", errors.New("the query gives a text, not a number")
	default:
		return nil, "", errNoFigures
	}
}

var errNoFigures = errors.New("the answer holds no figures that Slipway can read")

// sample is [time, "value"]; the value is a text because JSON has no NaN.
type sample struct {
	at    string
	value float64
}

// UnmarshalJSON keeps the time as it is written: it is only ever sent back.
func (s *sample) UnmarshalJSON(data []byte) error {
	var at json.Number
	var text string
	if err := json.Unmarshal(data, &[]any{&at, &text}); err != nil {
		return err
	}
	value, err := strconv.ParseFloat(text, 64)
	s.at, s.value = at.String(), value
	return err
}
