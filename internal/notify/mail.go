package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Mail sends mail through one server, that of the configuration. Encryption is
// not a matter of luck: without it nothing is sent, except to this machine.
type Mail struct {
	host, port string
	implicit   bool // TLS from the first byte on, and not by STARTTLS
	user       string
	password   slipway.Secret
	from       mail.Address
	source     string // host of the portal, for message ids
	tls        *tls.Config
}

// MailConfig says how mail is sent.
type MailConfig struct {
	URL       string // smtp://[user@]host[:587] (STARTTLS), or smtps://[user@]host[:465]
	Password  slipway.Secret
	From      string // "Slipway <slipway@example.com>"
	PublicURL string
	TLS       *tls.Config // nil: the system's authorities
}

// NewMail reads the configuration; an error says what is wrong with it.
func NewMail(c MailConfig) (*Mail, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("is smtp://user@host:587, with STARTTLS, or smtps://user@host:465")
	}
	if _, set := u.User.Password(); set {
		return nil, errors.New("holds a password; use SLIPWAY_SMTP_PASSWORD, which is never shown")
	}
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return nil, fmt.Errorf("needs SLIPWAY_SMTP_FROM, the address that mail comes from, such as Slipway <slipway@example.com>")
	}
	m := &Mail{host: u.Hostname(), port: u.Port(), implicit: u.Scheme == "smtps", user: u.User.Username(), password: c.Password, from: *from, source: "slipway.invalid", tls: &tls.Config{}}
	if c.TLS != nil {
		m.tls = c.TLS.Clone()
	}
	m.tls.ServerName, m.tls.MinVersion = m.host, tls.VersionTLS12
	if public, err := url.Parse(c.PublicURL); err == nil && public.Hostname() != "" {
		m.source = public.Hostname()
	}
	if m.port == "" {
		m.port = map[bool]string{true: "465", false: "587"}[m.implicit]
	}
	return m, nil
}

// Send implements Sender.
func (m *Mail) Send(ctx context.Context, l Letter) Outcome {
	to, err := mail.ParseAddress(l.To.Address)
	if err != nil || to.Address != l.To.Address {
		return Outcome{Problem: "The address is none that mail could be sent to.", Final: true}
	}
	if err := m.hand(ctx, to.Address, m.write(l, *to)); err != nil {
		return m.unsent(err)
	}
	return Outcome{}
}

// errPlain says that a server would have the mail in the clear.
var errPlain = errors.New("does not offer STARTTLS, and Slipway sends nothing in the clear")

func (m *Mail) hand(ctx context.Context, to string, message []byte) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(m.host, m.port))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // net/smtp knows no contexts
	defer stop()
	if m.implicit {
		conn = tls.Client(conn, m.tls)
	}
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return err
	}
	if err := c.Hello(m.source); err != nil {
		return err
	}
	if err := m.protect(c); err != nil {
		return err
	}
	if m.user != "" {
		if err := c.Auth(smtp.PlainAuth("", m.user, m.password.Reveal(), m.host)); err != nil {
			return err
		}
	}
	if err := c.Mail(m.from.Address); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	body, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(message); err != nil {
		return err
	}
	if err := body.Close(); err != nil {
		return err
	}
	_ = c.Quit() // it has been taken; what comes after changes nothing
	return nil
}

func (m *Mail) protect(c *smtp.Client) error {
	if m.implicit {
		return nil
	}
	if offered, _ := c.Extension("STARTTLS"); offered {
		return c.StartTLS(m.tls)
	}
	if ip := net.ParseIP(m.host); m.host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return errPlain
}

// write makes the message. Whatever comes from outside stands in a header only
// encoded, and in one line.
func (m *Mail) write(l Letter, to mail.Address) []byte {
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, oneLine(value)) }
	d := l.Delivery
	header("From", m.from.String())
	header("To", to.String())
	header("Subject", mime.QEncoding.Encode("utf-8", oneLine(headline(d.Notice))))
	header("Date", l.At.Format(time.RFC1123Z))
	header("Message-ID", fmt.Sprintf("<delivery-%d@%s>", d.ID, m.source))
	if d.Thread != "" {
		header("References", fmt.Sprintf("<%s@%s>", strings.ReplaceAll(d.Thread, "/", "-"), m.source))
	}
	header("Auto-Submitted", "auto-generated")
	header(headerDelivery, strconv.FormatInt(d.ID, 10))
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	text := append([]string{headline(d.Notice), ""}, lines(d.Notice, l.Page)...)
	if d.Route == 0 {
		text = append(text, "", "-- ", "You are told this by Slipway as your preferences say: Settings, Notifications.")
	}
	body := quotedprintable.NewWriter(&b)
	_, _ = body.Write([]byte(strings.Join(text, "\r\n") + "\r\n")) // to memory
	_ = body.Close()
	return b.Bytes()
}

// unsent says why mail was not taken. A server's five hundreds are for good.
func (m *Mail) unsent(err error) Outcome {
	var answered *textproto.Error
	var untrusted *tls.CertificateVerificationError
	var timeout net.Error
	server := "The mail server " + m.host
	switch {
	case errors.As(err, &answered):
		said := cmp.Or(oneLine(answered.Msg), "nothing more")
		said = said[:min(len(said), 160)]
		return Outcome{Problem: fmt.Sprintf("%s answered %d: %s", server, answered.Code, strings.ToValidUTF8(said, "")), Final: answered.Code >= 500}
	case errors.Is(err, errPlain):
		return Outcome{Problem: server + " " + err.Error() + "."}
	case errors.As(err, &untrusted):
		return Outcome{Problem: server + " shows a certificate that is not trusted here."}
	case errors.As(err, &timeout) && timeout.Timeout():
		return Outcome{Problem: fmt.Sprintf("%s did not answer within %s.", server, sendWithin)}
	default:
		return Outcome{Problem: server + " cannot be reached: " + cause(err) + "."}
	}
}
