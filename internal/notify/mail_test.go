package notify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"mime"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// letterbox is a real mail server that keeps what it is handed.
type letterbox struct {
	mu     sync.Mutex
	got    []*mail.Message
	bodies []string
	raw    []string
	spoken []string // who said what that is nobody else's business
	refuse error
	open   bool // takes mail of those who do not say who they are
}

func (b *letterbox) heard(what string, encrypted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spoken = append(b.spoken, what+map[bool]string{true: " encrypted", false: " in the clear"}[encrypted])
}

func (b *letterbox) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	return &mailSession{box: b, encrypted: encrypted}, nil
}

type mailSession struct {
	box       *letterbox
	encrypted bool
	known     bool
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.box.heard("password", s.encrypted)
		if user != "slipway" || password != "s3cret" || !s.encrypted {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}), nil
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	s.box.heard("sender", s.encrypted)
	if !s.known && !s.box.open {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *mailSession) Rcpt(string, *smtp.RcptOptions) error { return s.box.refuse }

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(m.Body)
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.got, s.box.bodies, s.box.raw = append(s.box.got, m), append(s.box.bodies, string(body)), append(s.box.raw, string(raw))
	return err
}

func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

// certificate is one for this machine, and who trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

// serveMail runs the server; implicit: TLS from the first byte on. Without a
// configuration of TLS it offers none, and takes passwords all the same.
func serveMail(t *testing.T, b *letterbox, config *tls.Config, implicit bool) (address string) {
	t.Helper()
	s := smtp.NewServer(b)
	s.Domain, s.TLSConfig, s.ReadTimeout, s.WriteTimeout = "mail.example.com", config, 10*time.Second, 10*time.Second
	s.AllowInsecureAuth = config == nil
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	address = l.Addr().String()
	if implicit {
		l = tls.NewListener(l, config)
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return address
}

func TestMail(t *testing.T) {
	t.Parallel()
	config, trusted := certificate(t)
	for name, c := range map[string]struct {
		scheme   string
		password string
		trust    *x509.CertPool
		refuse   error
		state    slipway.DeliveryState
		says     string
	}{
		"by STARTTLS":    {"smtp", "s3cret", trusted, nil, slipway.DeliverySent, ""},
		"by TLS":         {"smtps", "s3cret", trusted, nil, slipway.DeliverySent, ""},
		"wrong password": {"smtp", "other", trusted, nil, slipway.DeliveryFailed, "answered 535"},
		"untrusted":      {"smtps", "s3cret", x509.NewCertPool(), nil, slipway.DeliveryPending, "certificate that is not trusted"},
		"no such box":    {"smtp", "s3cret", trusted, &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody of that name"}, slipway.DeliveryFailed, "answered 550: "},
		"later":          {"smtp", "s3cret", trusted, &smtp.SMTPError{Code: 451, Message: "busy"}, slipway.DeliveryPending, "answered 451"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			box := &letterbox{refuse: c.refuse}
			address := serveMail(t, box, config, c.scheme == "smtps")
			m, err := notify.NewMail(notify.MailConfig{URL: c.scheme + "://slipway@" + address, Password: slipway.NewSecret(c.password), From: "Slipway <slipway@example.com>", PublicURL: source, TLS: &tls.Config{RootCAs: c.trust, MinVersion: tls.VersionTLS12}})
			must(t, err)
			n := r.notifier()
			n.Senders[slipway.ToEmail] = m
			r.route(app.AddNotificationRoute{To: slipway.Destination{Channel: slipway.ToEmail, Address: "team@example.com"}})
			d := r.deployment()
			d.Message = "Fällt aus.\r\nBcc: all@example.com\r\n\r\n.\r\nMAIL FROM:<x@example.com>"
			r.event("deployment.failed", d)
			must(t, n.Plan(r.ctx))
			must(t, n.Deliver(r.ctx, r.deliveries(slipway.DeliveryFilter{})[0].ID))
			got := r.deliveries(slipway.DeliveryFilter{})[0]
			if got.State != c.state || !strings.Contains(got.Error, c.says) || strings.Contains(got.Error, "s3cret") {
				t.Fatalf("%s: %q", got.State, got.Error)
			}
			if c.says != "" {
				return
			}
			box.mu.Lock()
			defer box.mu.Unlock()
			h := box.got[0].Header
			subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
			must(t, err)
			if len(box.got) != 1 || subject != "billing-api in production: Fällt aus. Bcc: all@example.com . MAIL FROM:<x@example.com>" || h.Get("Bcc") != "" || h.Get("To") != "<team@example.com>" ||
				h.Get("From") != `"Slipway" <slipway@example.com>` || h.Get("Auto-Submitted") != "auto-generated" || !strings.Contains(box.bodies[0], "/runs/"+itoa(d.ID)) {
				t.Errorf("the mail is\n%s", box.raw[0])
			}
		})
	}
}

// TestNothingInTheClear: a server that offers no STARTTLS, or of which somebody in
// between says so, is told neither sender nor password, and the route says why. This
// machine alone is told, and only where its address says that it is this one: 0.0.0.0
// leads here as well, and is taken for the address of another.
func TestNothingInTheClear(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		address, says string
		state         slipway.DeliveryState
		spoken        []string
	}{
		"another machine":                 {"0.0.0.0", "The mail server 0.0.0.0 does not offer STARTTLS, and Slipway sends nothing in the clear.", slipway.DeliveryPending, nil},
		"another machine with a password": {"slipway@0.0.0.0", "does not offer STARTTLS", slipway.DeliveryPending, nil},
		"this machine":                    {"127.0.0.1", "", slipway.DeliverySent, []string{"sender in the clear"}},
		"this machine by name":            {"localhost", "", slipway.DeliverySent, []string{"sender in the clear"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			box := &letterbox{open: true}
			_, port, err := net.SplitHostPort(serveMail(t, box, nil, false))
			must(t, err)
			n := r.notifier()
			n.Senders[slipway.ToEmail], err = notify.NewMail(notify.MailConfig{URL: "smtp://" + c.address + ":" + port, Password: slipway.NewSecret("s3cret"), From: "slipway@example.com", PublicURL: source})
			must(t, err)
			r.route(app.AddNotificationRoute{To: slipway.Destination{Channel: slipway.ToEmail, Address: "team@example.com"}})
			r.event("deployment.failed", r.deployment())
			must(t, n.Plan(r.ctx))
			must(t, n.Deliver(r.ctx, r.deliveries(slipway.DeliveryFilter{})[0].ID))
			got := r.deliveries(slipway.DeliveryFilter{})[0]
			if got.State != c.state || !strings.Contains(got.Error, c.says) || (got.Error == "") != (c.says == "") {
				t.Errorf("it is %s: %q", got.State, got.Error)
			}
			routes, err := r.NotificationRoutes(r.ctx, ana)
			must(t, err)
			if h := routes[0].Health; (h.FailingSince != nil) != (c.says != "") || h.Error != got.Error {
				t.Errorf("the route says %+v", h)
			}
			box.mu.Lock()
			defer box.mu.Unlock()
			same(t, "what was said", box.spoken, c.spoken)
			if want := len(c.spoken); len(box.got) != want {
				t.Errorf("%d letters were handed over, want %d", len(box.got), want)
			}
		})
	}
}

// TestMailConfiguration: what is wrong with an address is said before anything is
// sent, and a password in it is not repeated.
func TestMailConfiguration(t *testing.T) {
	t.Parallel()
	for address, wrong := range map[string]string{
		"smtp://mail.example.com": "", "smtps://user@mail.example.com:465": "", "mail.example.com:25": "is smtp://", "http://mail.example.com": "is smtp://",
		"smtp://u:p4ss@mail.example.com": "SLIPWAY_SMTP_PASSWORD", "smtp://mail.example.com/x": "is smtp://", "smtp://": "is smtp://",
	} {
		_, err := notify.NewMail(notify.MailConfig{URL: address, From: "a@example.com"})
		if (err == nil) != (wrong == "") || err != nil && (!strings.Contains(err.Error(), wrong) || strings.Contains(err.Error(), "p4ss")) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := notify.NewMail(notify.MailConfig{URL: "smtp://mail.example.com", From: "nobody"}); err == nil {
		t.Error("mail comes from nobody")
	}
}
