// Package mail sends the few mails that accounts need, in the background: who asked for one does not wait for the mail
// server, and the time of the answer does not tell whether there was one to send.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	gomail "github.com/wneessen/go-mail"

	"github.com/natter-chat/natter/pkg/obs"
)

// Config is the settings of mail.
type Config struct {
	URL  string `env:"NATTER_SMTP_URL" help:"mail server: smtp://user:password@mail.example.org:587 (STARTTLS) or smtps://…:465 (TLS), smtp+insecure:// (neither) for one on this machine; empty: links are written to the log" secret:"true"`
	From string `env:"NATTER_MAIL_FROM" help:"sender of mails, such as Natter <chat@example.org>"`
}

const (
	// queue bounds the mails that wait; more are dropped, and people ask again.
	queue = 256
	// senders is how many mails are sent at a time.
	senders = 2
	// timeout bounds one attempt.
	timeout = 30 * time.Second
)

// pauses are between the attempts to send a mail that the server might take later.
var pauses = [...]time.Duration{time.Second, 10 * time.Second, time.Minute}

// Message is a mail to one person.
type Message struct {
	To, Subject, Text string
	// Link is what of the text matters; it is secret. Empty: the mail only tells something.
	Link string
}

// Mailer sends mails. It is safe for concurrent use.
type Mailer struct {
	from   string
	client *gomail.Client // nil: there is no mail server
	log    *slog.Logger
	mails  *prometheus.CounterVec

	ctx    context.Context //nolint:containedctx // the life of the senders
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	queue  chan Message
	closed bool
}

// Option changes how New makes a mailer.
type Option func() gomail.Option

// TLS sets how the mail server is trusted, for tests; the default are the system's roots.
func TLS(cfg *tls.Config) Option { return func() gomail.Option { return gomail.WithTLSConfig(cfg) } }

// New starts the senders; Close ends them. It does not connect: a mail server that is away is no reason not to start.
func New(cfg Config, log *slog.Logger, reg prometheus.Registerer, opts ...Option) (*Mailer, error) {
	m := &Mailer{log: log, queue: make(chan Message, queue)}
	var err error
	m.mails, err = obs.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "natter_auth_mails_total", Help: "Mails, by outcome: sent, failed, dropped (too many waited), logged (no mail server is set).",
	}, []string{"outcome"}))
	if err != nil {
		return nil, fmt.Errorf("mail metrics: %w", err)
	}
	if cfg.URL != "" {
		if m.client, err = cfg.client(opts); err != nil {
			return nil, err
		}
		from, err := mail.ParseAddress(cfg.From)
		if err != nil {
			return nil, errors.New("NATTER_MAIL_FROM is not an address such as Natter <chat@example.org>")
		}
		m.from = from.String()
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	for range senders {
		m.wg.Go(m.run)
	}
	return m, nil
}

// client makes the client of the mail server. Errors never say the URL: it has a password.
func (cfg Config) client(more []Option) (*gomail.Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("NATTER_SMTP_URL is not a URL such as smtp://user:password@mail.example.org:587")
	}
	var opts []gomail.Option
	port := 587
	switch u.Scheme {
	case "smtp":
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "smtps":
		port, opts = 465, append(opts, gomail.WithSSL())
	case "smtp+insecure":
		port, opts = 25, append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, errors.New("NATTER_SMTP_URL begins with smtp://, smtps:// or smtp+insecure://")
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return nil, errors.New("NATTER_SMTP_URL has a port that is no number")
		}
	}
	opts = append(opts, gomail.WithPort(port), gomail.WithTimeout(timeout))
	if password, ok := u.User.Password(); ok {
		auth := gomail.SMTPAuthAutoDiscover
		if u.Scheme == "smtp+insecure" {
			auth = gomail.SMTPAuthPlainNoEnc
		}
		opts = append(opts, gomail.WithSMTPAuth(auth), gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	for _, o := range more {
		opts = append(opts, o())
	}
	client, err := gomail.NewClient(u.Hostname(), opts...)
	if err != nil {
		return nil, errors.New("NATTER_SMTP_URL does not name a mail server")
	}
	return client, nil
}

// Send sends a mail some time soon, and does not wait. Without a mail server it writes the link to the log instead.
func (m *Mailer) Send(msg Message) {
	if m.client == nil {
		m.mails.WithLabelValues("logged").Inc()
		if msg.Link != "" {
			m.log.Info("no mail server is set (NATTER_SMTP_URL), so here is the link that would be mailed",
				"to", msg.To, "subject", msg.Subject, "link", msg.Link)
		}
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		select {
		case m.queue <- msg:
			return
		default:
		}
	}
	m.mails.WithLabelValues("dropped").Inc()
	m.log.Error("mail dropped: too many wait for the mail server", "subject", msg.Subject)
}

// Close sends what waits, until ctx ends, and then gives up.
func (m *Mailer) Close(ctx context.Context) error {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		close(m.queue)
	}
	m.mu.Unlock()
	stop := context.AfterFunc(ctx, m.cancel)
	defer stop()
	m.wg.Wait()
	m.cancel()
	return nil
}

func (m *Mailer) run() {
	for msg := range m.queue {
		outcome := "sent"
		if err := m.deliver(msg); err != nil {
			outcome = "failed"
			m.log.Error("mail not sent", "subject", msg.Subject, "error", err)
		}
		m.mails.WithLabelValues(outcome).Inc()
	}
}

// deliver tries until the server has taken the mail, or will not.
func (m *Mailer) deliver(msg Message) error {
	for i := 0; ; i++ {
		err := m.try(msg)
		if err == nil || i == len(pauses) || m.isClosed() || !mayWorkLater(err) {
			return err
		}
		select {
		case <-m.ctx.Done():
			return err
		case <-time.After(pauses[i]):
		}
	}
}

func (m *Mailer) isClosed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

// mayWorkLater: the server was not reached, or said so (4xx).
func mayWorkLater(err error) bool {
	refused, ok := errors.AsType[*gomail.SendError](err)
	return !ok || refused.IsTemp()
}

func (m *Mailer) try(msg Message) error {
	ctx, cancel := context.WithTimeout(m.ctx, timeout)
	defer cancel()
	out := gomail.NewMsg()
	if err := errors.Join(out.From(m.from), out.To(msg.To)); err != nil {
		return err
	}
	out.Subject(msg.Subject)
	out.SetBodyString(gomail.TypeTextPlain, msg.Text)
	out.SetDate()
	out.SetMessageID()
	out.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's vacation answers
	return m.client.DialAndSendWithContext(ctx, out)
}
