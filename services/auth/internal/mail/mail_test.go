package mail_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/services/auth/internal/mail"
)

// server is a real SMTP server, with a certificate for 127.0.0.1.
type server struct {
	address string
	tls     *tls.Config // for its clients
	mails   chan delivered
	mu      sync.Mutex
	refuse  []error // what the next mails get
}

type delivered struct{ from, to, text, login string }

type session struct {
	*server
	mail delivered
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "secret" {
			return smtp.ErrAuthFailed
		}
		s.mail.login = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.mail.from = from; return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.refuse) > 0 {
		err := s.refuse[0]
		s.refuse = s.refuse[1:]
		return err
	}
	s.mail.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.mail.text = string(text)
	s.mails <- s.mail
	return err
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func startServer(t *testing.T, implicitTLS bool) *server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	s := &server{tls: &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}, mails: make(chan delivered, 10)}
	srv := smtp.NewServer(s)
	srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	if implicitTLS {
		l = tls.NewListener(l, srv.TLSConfig)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return s
}

func newMailer(t *testing.T, url string, log io.Writer, opts ...mail.Option) *mail.Mailer {
	t.Helper()
	m, err := mail.New(mail.Config{URL: url, From: "Natter <chat@example.org>"}, slog.New(slog.NewTextHandler(log, nil)), prometheus.NewRegistry(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = m.Close(ctx)
	})
	return m
}

var message = mail.Message{To: "zoë@example.org", Subject: "Grüße", Text: "Hello,\n\nhttps://x/#token=SECRET\n", Link: "https://x/#token=SECRET"}

func TestSend(t *testing.T) {
	t.Parallel()
	for scheme, implicit := range map[string]bool{"smtp": false, "smtps": true} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t, implicit)
			var log bytes.Buffer
			m := newMailer(t, scheme+"://natter:secret@"+srv.address, &log, mail.TLS(srv.tls))
			msg := message
			msg.To = "ann@example.org"
			m.Send(msg)
			if err := m.Close(t.Context()); err != nil { // which waits for it
				t.Fatal(err)
			}
			select {
			case got := <-srv.mails:
				if got.from != "chat@example.org" || got.to != "ann@example.org" || got.login != "natter" ||
					!strings.Contains(got.text, "#token=3DSECRET") || !strings.Contains(got.text, "Auto-Submitted: auto-generated") {
					t.Errorf("%+v", got)
				}
			default:
				t.Errorf("no mail; the log says %s", log.String())
			}
			if strings.Contains(log.String(), "SECRET") {
				t.Errorf("the link is in the log: %s", log.String())
			}
		})
	}
}

// A server that says so gets the mail again; one that does not want it, does not. Nothing secret is in the log.
func TestRefusals(t *testing.T) {
	t.Parallel()
	srv := startServer(t, true)
	srv.refuse = []error{&smtp.SMTPError{Code: 451, Message: "later"}}
	var log bytes.Buffer
	m := newMailer(t, "smtps://"+srv.address, &log, mail.TLS(srv.tls))
	msg := message
	msg.To = "ann@example.org"
	m.Send(msg)
	select {
	case <-srv.mails:
	case <-time.After(20 * time.Second):
		t.Fatal("not sent again")
	}
	srv.mu.Lock()
	srv.refuse = []error{&smtp.SMTPError{Code: 550, Message: "nobody here"}}
	srv.mu.Unlock()
	m.Send(msg)
	if err := m.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(srv.mails) != 0 || !strings.Contains(log.String(), "mail not sent") || strings.Contains(log.String(), "SECRET") {
		t.Errorf("%d more mails; the log says %s", len(srv.mails), log.String())
	}
}

// Without TLS, a server that should have it gets neither password nor mail.
func TestNoPlaintext(t *testing.T) {
	t.Parallel()
	srv := startServer(t, false)
	var log bytes.Buffer
	m := newMailer(t, "smtp://natter:secret@"+srv.address, &log) // does not trust its certificate
	m.Send(message)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if len(srv.mails) != 0 {
		t.Errorf("%+v was sent", <-srv.mails)
	}
}

func TestWithoutServer(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	m := newMailer(t, "", &log)
	m.Send(message)
	m.Send(mail.Message{To: "ann@example.org", Subject: "changed", Text: "private"})
	if got := log.String(); !strings.Contains(got, message.Link) || !strings.Contains(got, "NATTER_SMTP_URL") ||
		!strings.Contains(got, "level=INFO") || strings.Contains(got, "private") {
		t.Errorf("the log says %s", got)
	}
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	for url, from := range map[string]string{
		"http://hunter2@x": "a@b.c", "smtp://": "a@b.c", "smtp://u:hunter2@x:port": "a@b.c", "smtp://u:hunter2@x": "", "::": "a@b.c",
	} {
		_, err := mail.New(mail.Config{URL: url, From: from}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err == nil || !strings.Contains(err.Error(), "NATTER_") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s, %s: %v", url, from, err)
		}
	}
}
