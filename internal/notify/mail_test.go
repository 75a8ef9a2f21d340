package notify_test

import (
	"context"
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
	refuse error
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
		if user != "slipway" || password != "s3cret" || !s.encrypted {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}), nil
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if !s.known {
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

// serveMail runs the server; implicit: TLS from the first byte on.
func serveMail(t *testing.T, b *letterbox, config *tls.Config, implicit bool) (address string) {
	t.Helper()
	s := smtp.NewServer(b)
	s.Domain, s.TLSConfig, s.ReadTimeout, s.WriteTimeout = "mail.example.com", config, 10*time.Second, 10*time.Second
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

// TestPeopleAreAsked: those who may decide are asked once per plan, and reminded
// once before its time is over; what was decided meanwhile is not told.
func TestPeopleAreAsked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.person("mira", "admins") // may decide; has quiet hours
	r.person("vera")           // may not
	r.person("jonas", "admins")
	letters := &letters{}
	n := r.notifier()
	n.Senders[slipway.ToEmail] = letters
	quiet := slipway.DefaultPreferences()
	quiet.Quiet = &slipway.QuietHours{From: "11:00", Until: "07:00", Zone: "UTC"}
	must(t, r.SetPreferences(r.ctx, slipway.Actor{Kind: slipway.ActorUser, ID: "mira", Name: "Mira", Groups: []string{"admins"}}, quiet))
	d := r.deployment() // by Jonas, who does not decide on his own
	r.event("deployment.waiting", d)
	r.event("deployment.waiting", d)
	work := func() {
		t.Helper()
		must(t, n.Plan(r.ctx))
		must(t, n.Remind(r.ctx))
		for _, x := range r.deliveries(slipway.DeliveryFilter{State: slipway.DeliveryPending}) {
			if !x.NextAt.After(r.clock()) {
				must(t, n.Deliver(r.ctx, x.ID))
			}
		}
	}
	work()
	work()
	same(t, "told at noon", letters.take(), []string{"ana@example.com asked"})
	r.after(19 * time.Hour) // 07:00
	work()
	same(t, "told in the morning", letters.take(), []string{"mira@example.com asked"})
	r.after(4*time.Hour + 30*time.Minute) // half an hour before its end; Mira's quiet hours have begun
	work()
	work()
	same(t, "reminded", letters.take(), []string{"ana@example.com reminded"})
	r.to(d, slipway.Rejected)
	r.after(24 * time.Hour)
	work()
	same(t, "after it was decided", letters.take(), []string(nil))
	for _, x := range r.deliveries(slipway.DeliveryFilter{Person: "mira", State: slipway.DeliveryFailed}) {
		same(t, "the reminder in the morning", x.Error, "There is nothing to decide any more.")
	}
}

// TestFollowers: people are told of what they follow, of what fails in production
// at any hour, and of nothing once they may not read it.
func TestFollowers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	letters := &letters{}
	n := r.notifier()
	n.Senders[slipway.ToEmail] = letters
	p := slipway.Preferences{Services: []string{"billing-api"}, Kinds: []string{"deployment.failed", "deployment.succeeded"}, Channel: slipway.ToEmail, Urgent: true,
		Quiet: &slipway.QuietHours{From: "11:00", Until: "14:00", Zone: "UTC"}}
	must(t, r.SetPreferences(r.ctx, ana, p))
	d := r.deployment()
	for _, kind := range []string{"deployment.failed", "deployment.succeeded", "deployment.paused"} {
		r.event(kind, d)
	}
	must(t, n.Plan(r.ctx))
	at := map[string]time.Duration{}
	for _, x := range r.deliveries(slipway.DeliveryFilter{Person: "ana"}) {
		at[x.Notice.Event.Kind] = x.NextAt.Sub(r.clock())
	}
	same(t, "when", at, map[string]time.Duration{"deployment.failed": 0, "deployment.succeeded": 2 * time.Hour})
	r.person("ana") // has left the group
	for _, x := range r.deliveries(slipway.DeliveryFilter{Person: "ana"}) {
		must(t, n.Deliver(r.ctx, x.ID))
	}
	same(t, "told to who may not read it", letters.take(), []string(nil))
}

// letters notes who was told what.
type letters struct {
	mu  sync.Mutex
	got []string
}

func (l *letters) Send(_ context.Context, x notify.Letter) notify.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	what := x.Delivery.Notice.Event.Kind
	if asks := x.Delivery.Notice.Asks; asks != nil {
		what = map[bool]string{false: "asked", true: "reminded"}[asks.Reminder]
	}
	l.got = append(l.got, x.To.Address+" "+what)
	return notify.Outcome{}
}

func (l *letters) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.got
	l.got = nil
	return got
}
