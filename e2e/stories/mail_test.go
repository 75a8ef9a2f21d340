package stories_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"
)

// mailServer is a real mail server, of which the story says whether it offers
// STARTTLS. To the portal it is another machine: 0.0.0.0 leads to this one as well,
// but does not say so.
type mailServer struct {
	ts    *testscript.TestScript
	plain atomic.Bool // offers no STARTTLS
	mu    sync.Mutex
	got   []letter
	naked []string // senders that were named in the clear
}

type letter struct{ to, text string }

// mail start|plain|encrypted: starts one, with its address in $MAIL and the file of
// its authority in $MAIL_CA; or has it offer STARTTLS no more, or again.
func mailCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: mail start|plain|encrypted")
	}
	s := of(ts)
	switch args[0] {
	case "start":
		s.mail = &mailServer{ts: ts}
		ts.Setenv("MAIL", "smtp://"+s.mail.start())
	case "plain", "encrypted":
		s.mail.plain.Store(args[0] == "plain")
	default:
		ts.Fatalf("mail cannot %q", args[0])
	}
}

// start serves on this machine alone and returns its address as one of another.
func (m *mailServer) start() string {
	certificate, authority := mailCertificate(m.ts)
	ca := m.ts.MkAbs("mail-ca.pem")
	m.ts.Check(os.WriteFile(ca, authority, 0o600))
	m.ts.Setenv("MAIL_CA", ca)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	m.ts.Check(err)
	encrypted, plain := m.serve(listener, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}), m.serve(listener, nil)
	go func() {
		defer close(encrypted)
		defer close(plain)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if m.plain.Load() {
				plain <- conn
			} else {
				encrypted <- conn
			}
		}
	}()
	return strings.Replace(listener.Addr().String(), "127.0.0.1", "0.0.0.0", 1)
}

// serve runs a server with what it offers, for the connections that it is handed.
func (m *mailServer) serve(of net.Listener, offers *tls.Config) chan<- net.Conn {
	conns := make(chan net.Conn)
	server := smtp.NewServer(m)
	server.Domain, server.TLSConfig, server.ReadTimeout, server.WriteTimeout = "mail.example.com", offers, patience, patience
	go func() { _ = server.Serve(door{of, conns}) }()
	m.ts.Defer(func() { _ = server.Close() })
	return conns
}

// door is a listener whose connections somebody else has accepted.
type door struct {
	net.Listener
	conns <-chan net.Conn
}

func (d door) Accept() (net.Conn, error) {
	conn, open := <-d.conns
	if !open {
		return nil, net.ErrClosed
	}
	return conn, nil
}

// mailCertificate is one for the address of the server, and its authority.
func mailCertificate(ts *testscript.TestScript) (tls.Certificate, []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4zero}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// NewSession implements smtp.Backend.
func (m *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	return &mailSession{m: m, encrypted: encrypted}, nil
}

type mailSession struct {
	m         *mailServer
	encrypted bool
	to        string
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if !s.encrypted {
		s.m.naked = append(s.m.naked, from)
	}
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}

// Data keeps subject and text as people read them.
func (s *mailSession) Data(r io.Reader) error {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.got = append(s.m.got, letter{s.to, subject + "\n" + string(text)})
	return err
}

func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

// mailed TO REGEXP waits until somebody was sent a letter that matches, and prints
// it. With a "!" none may have come so far, nor anything at all in the clear.
func mailedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] mailed TO REGEXP")
	}
	m, want := of(ts).mail, regexp.MustCompile("(?s)"+args[1])
	deadline := time.Now().Add(patience)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		found, all := m.find(args[0], want)
		switch {
		case neg && (found != "" || len(m.inTheClear()) > 0):
			ts.Fatalf("it came: %s; in the clear from %q", found, m.inTheClear())
		case neg:
			return
		case found != "":
			fmt.Fprintln(ts.Stdout(), found)
			return
		case time.Now().After(deadline):
			ts.Fatalf("nothing that matches %q has come to %s within %v; there was:\n%s", args[1], args[0], patience, all)
		}
		<-ticker.C
	}
}

func (m *mailServer) find(to string, want *regexp.Regexp) (found, all string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.got {
		all += "to " + l.to + ": " + l.text + "\n"
		if l.to == to && want.MatchString(l.text) {
			found = l.text
		}
	}
	return found, all
}

func (m *mailServer) inTheClear() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.naked...)
}
