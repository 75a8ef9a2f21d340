package browser

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/layout"
)

// message is what the last form did, on its way to the next page. It travels
// in a cookie of its own: it is nothing that the session would have to be
// written for, and it also reaches people who are not signed in.
type message struct {
	Kind   component.State `json:"k"`
	Text   string          `json:"t"`
	Link   component.Link  `json:"l"`
	Doubts []string        `json:"d,omitempty"` // about what was done
}

const (
	maxFlash = 1500 // keeps the cookie below what browsers take
	maxDoubt = 300  // letters of one; a deployer may have much to say
)

// done keeps a message for the next page and leads there.
func (s *Surface) done(c echo.Context, to, text string, link component.Link) error {
	return s.doneBut(c, to, text, link, nil)
}

// doneBut is done, and what there is to be minded about it.
func (s *Surface) doneBut(c echo.Context, to, text string, link component.Link, doubts []string) error {
	m := message{Kind: component.Live, Text: text, Link: link}
	for _, doubt := range doubts {
		m.Doubts = append(m.Doubts, shortened(doubt, maxDoubt))
	}
	encoded, err := json.Marshal(m)
	for n := len(doubts) - 1; err == nil && len(encoded) > maxFlash && n >= 0; n-- {
		m.Doubts = append(m.Doubts[:n:n], "There is more to be minded: "+component.Count(len(doubts)-n, "warning")+". A dry run tells all of it.")
		encoded, err = json.Marshal(m)
	}
	if err == nil && len(encoded) <= maxFlash {
		s.cookie(c, flashCookie, base64.RawURLEncoding.EncodeToString(encoded), time.Minute)
	}
	return seeOther(c, to)
}

// shortened cuts a text after so many letters.
func shortened(text string, most int) string {
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return text
}

func (s *Surface) takeFlash(c echo.Context) []layout.Flash {
	kept, err := c.Cookie(s.cookieName(flashCookie))
	if err != nil {
		return nil
	}
	s.cookie(c, flashCookie, "", -1)
	var m message
	decoded, err := base64.RawURLEncoding.DecodeString(kept.Value)
	if err != nil || json.Unmarshal(decoded, &m) != nil || m.Text == "" {
		return nil
	}
	all := []layout.Flash{{Kind: m.Kind, Text: m.Text, Link: m.Link}}
	for _, doubt := range m.Doubts {
		all = append(all, layout.Flash{Kind: component.Waiting, Text: doubt})
	}
	return all
}
