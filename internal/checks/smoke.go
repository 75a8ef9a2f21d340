package checks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/slipway-dev/slipway/internal/outbound"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// maxPage is how much of an answer a check reads.
const maxPage = 1 << 20

// askHTTP asks an address. That nothing answers, or too late, or with a
// certificate that is not good, says something about the release and is a
// failure. What could not be asked is an error.
func (k *Checks) askHTTP(ctx context.Context, c slipway.HTTPCheck, s slipway.CheckSubject) slipway.Measurement {
	ctx, limit, cancel := within(ctx, c.Within)
	defer cancel()
	request, pattern, err := httpRequest(ctx, c, s)
	if err != nil {
		return erred("%s.", err)
	}
	begun := time.Now()
	response, err := k.out.Client(outbound.Limits{Within: time.Duration(limit), Body: maxPage}).Do(request)
	if err != nil {
		return unreached(ctx, err, request.URL.Host, limit)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	long := errors.Is(err, outbound.ErrTooLarge)
	if err != nil && !long {
		return unreached(ctx, err, request.URL.Host, limit)
	}
	took := since(begun)
	wanted := cmp.Or(c.Expect, http.StatusOK)
	switch got := statusWords(response.StatusCode); {
	case response.StatusCode != wanted && response.StatusCode/100 == 3:
		return failed("%s answered %s, not %d. Redirects are not followed.", request.URL.Host, got, wanted)
	case response.StatusCode != wanted:
		return failed("%s answered %s, not %d.", request.URL.Host, got, wanted)
	case pattern == nil:
		return passed("%s in %s.", got, took)
	case long:
		return failed("The answer is longer than 1 MB, too long to look through.")
	case !pattern.Match(body):
		return failed("The answer does not match %s.", quoted(pattern.String()))
	default:
		return passed("%s in %s, and the answer matches.", got, took)
	}
}

func httpRequest(ctx context.Context, c slipway.HTTPCheck, s slipway.CheckSubject) (*http.Request, *regexp.Regexp, error) {
	var pattern *regexp.Regexp
	address, err := webAddress(c.URL, s)
	if err != nil {
		return nil, nil, err
	}
	if c.Body != "" {
		if pattern, err = regexp.Compile(expand(c.Body, s.Words(), inPattern)); err != nil {
			return nil, nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, cmp.Or(c.Method, http.MethodGet), address, nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("User-Agent", "slipway-check")
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		value := expand(c.Headers[name], s.Words(), asItIs)
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, nil, fmt.Errorf("the header %s cannot be sent", quoted(name))
		}
		if http.CanonicalHeaderKey(name) == "Host" {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	return request, pattern, nil
}

// askTCP opens a connection and closes it.
func (k *Checks) askTCP(ctx context.Context, c slipway.TCPCheck, s slipway.CheckSubject) slipway.Measurement {
	address, err := socketAddress(c.Address, s)
	if err != nil {
		return erred("%s.", err)
	}
	ctx, limit, cancel := within(ctx, c.Within)
	defer cancel()
	begun := time.Now()
	conn, err := k.out.DialContext(ctx, "tcp", address)
	if err != nil {
		return unreached(ctx, err, address, limit)
	}
	_ = conn.Close()
	return passed("%s took the connection in %s.", address, since(begun))
}

// since is how long something took, in whole milliseconds, and at least one.
func since(begun time.Time) time.Duration {
	return max(time.Millisecond, time.Since(begun).Round(time.Millisecond))
}

// unreached tells what says something about the release from what does not.
func unreached(ctx context.Context, err error, host string, limit slipway.Duration) slipway.Measurement {
	var refused *outbound.RefusedError
	var late net.Error
	var name *net.DNSError
	switch {
	case errors.As(err, &refused):
		return erred("%s.", refused)
	case errors.Is(context.Cause(ctx), context.Canceled):
		return erred("It was interrupted.")
	case errors.As(err, &name) && !name.IsNotFound:
		return erred("The name %s could not be looked up: %s.", name.Name, plain(err))
	case errors.As(err, &late) && late.Timeout():
		return failed("%s did not answer within %s.", host, limit)
	default:
		return failed("%s does not answer: %s.", host, plain(err))
	}
}

// plain is an error of the network without the names of calls around it.
func plain(err error) string {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	var call *net.OpError
	if errors.As(err, &call) && call.Op == "dial" {
		var system *os.SyscallError
		if err = call.Err; errors.As(err, &system) {
			err = system.Err
		}
	}
	return firstLine(err.Error())
}

// statusWords is a status as people know it: 503 Service Unavailable.
func statusWords(code int) string {
	if text := http.StatusText(code); text != "" {
		return figure(float64(code)) + " " + text
	}
	return figure(float64(code))
}
