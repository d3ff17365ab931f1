// Package sso signs people in through OpenID providers: the settings, discovery, the authorization code flow with PKCE,
// state and nonce, and the check of ID tokens (by go-oidc). Which account an identity belongs to is the service's matter.
package sso

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Config is the settings of single sign-on.
type Config struct {
	Names     []string            `env:"NATTER_SSO_PROVIDERS" help:"OpenID providers to sign in with, in the order shown, such as google,corp; google needs no issuer; they see to second factors themselves"`
	Each      map[string]Settings `named:"NATTER_SSO_PROVIDERS"`
	PublicURL string              `env:"NATTER_PUBLIC_URL" help:"where people reach this server, such as https://chat.example.org; single sign-on and links in e-mails need it"`
}

// Settings is one provider.
type Settings struct {
	Issuer       string   `env:"NATTER_SSO_<NAME>_ISSUER" help:"URL of an OpenID provider, which serves /.well-known/openid-configuration under it"`
	ClientID     string   `env:"NATTER_SSO_<NAME>_CLIENT_ID" help:"the client that the provider knows Natter as; its redirect URI is <NATTER_PUBLIC_URL>/auth/sso/<name>/callback"`
	ClientSecret string   `env:"NATTER_SSO_<NAME>_CLIENT_SECRET" help:"the secret of that client; empty: a public client" secret:"true"`
	Scopes       []string `env:"NATTER_SSO_<NAME>_SCOPES" envDefault:"openid,email,profile" help:"what the provider is asked for"`
	DisplayName  string   `env:"NATTER_SSO_<NAME>_DISPLAY_NAME" help:"the provider's name on the sign-in page"`
	TrustEmail   bool     `env:"NATTER_SSO_<NAME>_TRUST_EMAIL" help:"take every e-mail address of this provider for verified; only for one that nobody chooses an address at"`
}

// Google is the name of the provider that the settings of a plain OpenID provider are known for.
const Google = "google"

var google = Settings{Issuer: "https://accounts.google.com", DisplayName: "Google"}

// requestTimeout bounds each request to a provider.
const requestTimeout = 8 * time.Second

// Providers are those of the settings, by name.
type Providers struct {
	inOrder []*Provider
	byName  map[string]*Provider
}

// New makes the providers. It asks none of them anything: one that is down must not keep auth from starting.
func New(cfg Config) (*Providers, error) {
	all := &Providers{byName: map[string]*Provider{}}
	client := &http.Client{Timeout: requestTimeout}
	for _, name := range cfg.Names {
		settings := cfg.Each[name]
		if name == Google {
			settings.Issuer = cmp.Or(settings.Issuer, google.Issuer)
			settings.DisplayName = cmp.Or(settings.DisplayName, google.DisplayName)
		}
		settings.DisplayName = cmp.Or(settings.DisplayName, name)
		p := &Provider{Name: name, settings: settings, client: client, slots: make(chan struct{}, maxConcurrent)}
		if err := settings.check(); err != nil {
			return nil, fmt.Errorf("NATTER_SSO_%s_%w", strings.ReplaceAll(strings.ToUpper(name), "-", "_"), err)
		}
		base, err := checkURL(cfg.PublicURL)
		if err != nil {
			return nil, fmt.Errorf("NATTER_PUBLIC_URL, which NATTER_SSO_PROVIDERS needs: %w", err)
		}
		p.redirectURL = base.JoinPath("auth", "sso", name, "callback").String()
		all.inOrder = append(all.inOrder, p)
		all.byName[name] = p
	}
	return all, nil
}

// All are the providers in the order of the settings.
func (p *Providers) All() []*Provider { return p.inOrder }

// Find returns a provider; nil when there is none of that name.
func (p *Providers) Find(name string) *Provider { return p.byName[name] }

// NameOf is the name of the provider with this issuer; "" when there is none any more.
func (p *Providers) NameOf(issuer string) string {
	for _, one := range p.inOrder {
		if one.settings.Issuer == issuer {
			return one.Name
		}
	}
	return ""
}

// check returns an error that begins with the last part of the variable's name.
func (s Settings) check() error {
	if _, err := checkURL(s.Issuer); err != nil {
		return fmt.Errorf("ISSUER: %w", err)
	}
	if s.ClientID == "" {
		return errors.New("CLIENT_ID: it is not set")
	}
	if !slices.Contains(s.Scopes, oidc.ScopeOpenID) {
		return errors.New("SCOPES: openid is not among them")
	}
	return nil
}

// checkURL wants https, but of this machine: whoever can read the traffic could sign in as anybody.
func checkURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is not the URL of a server", text)
	}
	ip := net.ParseIP(u.Hostname())
	if local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback(); u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, fmt.Errorf("%q does not begin with https://", text)
	}
	return u, nil
}
