package checks

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// expand replaces ${word} in a text, each value escaped for where it will
// stand. A word that is not known stays as it is written.
func expand(text string, words map[string]string, escape func(string) string) string {
	pairs := make([]string, 0, 2*len(words))
	for word, value := range words {
		pairs = append(pairs, "${"+word+"}", escape(value))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func asItIs(value string) string { return value }

// inQuery escapes a value for a label value in PromQL. What is not harmless is
// written as \x and two digits, which means the same between both kinds of
// quotes, ends neither, and is a fault outside of them.
func inQuery(value string) string {
	var out strings.Builder
	for _, b := range []byte(strings.ToValidUTF8(value, "\uFFFD")) {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', strings.IndexByte("._-+/:", b) >= 0:
			out.WriteByte(b)
		default:
			fmt.Fprintf(&out, `\x%02x`, b)
		}
	}
	return out.String()
}

// inURL escapes a value for a path or a query.
func inURL(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }

// inPattern makes a value match itself and nothing else.
func inPattern(value string) string { return regexp.QuoteMeta(value) }

// webAddress builds the address of an HTTP check. The deployer's address comes
// with its scheme; a scheme that is written before ${address} wins over it.
func webAddress(text string, s slipway.CheckSubject) (string, error) {
	words := s.Words()
	address := strings.TrimSuffix(words["address"], "/")
	delete(words, "address")
	if strings.Contains(text, "${address}") {
		if address == "" {
			return "", errNoAddress
		}
		if strings.Contains(text, "://${address}") {
			_, address, _ = cutScheme(address)
		} else if _, _, ok := cutScheme(address); !ok {
			address = "http://" + address
		}
		text = strings.ReplaceAll(text, "${address}", address)
	}
	out := expand(text, words, inURL)
	if fault := slipway.CheckURL(out); fault != "" {
		return "", fmt.Errorf("%s %s", quoted(out), fault)
	}
	return out, nil
}

// socketAddress builds the address of a TCP check.
func socketAddress(text string, s slipway.CheckSubject) (string, error) {
	if strings.Contains(text, "${address}") && s.Address == "" {
		return "", errNoAddress
	}
	scheme, rest, _ := cutScheme(expand(text, s.Words(), asItIs))
	rest, _, _ = strings.Cut(rest, "/")
	host, port, err := net.SplitHostPort(rest)
	if err != nil && (scheme == "http" || scheme == "https") {
		host, port, err = strings.Trim(rest, "[]"), map[string]string{"http": "80", "https": "443"}[scheme], nil
	}
	number, wrong := strconv.ParseUint(port, 10, 16)
	if err != nil || wrong != nil || number == 0 || host == "" {
		return "", fmt.Errorf("%s is no address; write host:port", quoted(rest))
	}
	return net.JoinHostPort(host, port), nil
}

var errNoAddress = fmt.Errorf("the deployer does not say where the new release answers, so ${address} stands for nothing")

func cutScheme(address string) (scheme, rest string, ok bool) {
	scheme, rest, ok = strings.Cut(address, "://")
	if !ok {
		return "", address, false
	}
	return scheme, rest, true
}

// figure writes a number for people.
func figure(v float64) string { return strconv.FormatFloat(v, 'g', 5, 64) }

// percent writes a share that was measured; share one that people have set.
func percent(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) + " %" }

func share(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) + " %" }
