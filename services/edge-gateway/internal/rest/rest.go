// Package rest is the HTTP API of the gateway: routes come from the .proto files (package route) and are forwarded to
// the services as rpcs. A new API is an rpc with a route option plus its handler in its service: nothing changes here.
//
//	request ─▶ id, panics, metrics, log ─▶ CORS, CSRF ─▶ router ─▶ token ─▶ rate ─▶ path, query, body → message
//	                                          answer ◀─ protojson ◀─ message ◀─ rpc
package rest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/obs"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	"github.com/natter-chat/natter/proto/route"
	"github.com/natter-chat/natter/services/edge-gateway/internal/clientaddr"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
)

// Config is the settings of the HTTP API.
type Config struct {
	MaxBody        config.Bytes   `env:"NATTER_HTTP_MAX_BODY" envDefault:"64KiB" help:"largest body of a request to the HTTP API"`
	RateRead       ratelimit.Rate `env:"NATTER_HTTP_RATE_READ" envDefault:"300/10s" help:"HTTP requests that read, per user: a bucket and the time it fills up in, or off"`
	RateWrite      ratelimit.Rate `env:"NATTER_HTTP_RATE_WRITE" envDefault:"100/10s" help:"HTTP requests that change something, per user, or off"`
	RateAuth       ratelimit.Rate `env:"NATTER_HTTP_RATE_AUTH" envDefault:"60/1m" help:"sign-ups, password checks and unknown API tokens, per client address, or off"`
	Origins        []string       `env:"NATTER_ORIGINS" help:"origins of web pages that may connect, besides the gateway's own; separated by commas; those given in full, such as https://chat.example.org, may use its cookies"`
	TrustedProxies []netip.Prefix `env:"NATTER_HTTP_TRUSTED_PROXIES" help:"networks of the reverse proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8"`
}

// Caller calls a method of a service and fills res: an *rpc.Client. Errors are faults.
type Caller interface {
	Call(ctx context.Context, service, method string, req, res proto.Message) error
}

// Verifier checks access tokens and API tokens: a *revocation.List. Errors are faults.
type Verifier interface {
	Verify(ctx context.Context, token string) (authn.Identity, error)
}

// Pages is the web client: a *web.Client. It is asked about requests that no route takes.
type Pages interface {
	http.Handler
	Serves(r *http.Request) bool
}

// Deps is what the API works with.
type Deps struct {
	Config   Config
	Routes   []route.Route // route.All
	Caller   Caller
	Own      Caller // answers the routes of the gateway itself, which are no rpcs: an own.Calls
	Verifier Verifier
	Files    Files
	Pages    Pages // nil: none
	Log      *slog.Logger
	Metrics  prometheus.Registerer
}

// gzipFrom is the size, in bytes, from which an answer is compressed: below it, it fits a packet or two anyway.
const gzipFrom = 1024

// api is the handler's state.
type api struct {
	Deps
	proxies clientaddr.Proxies
	limits  limiter
	readers *ratelimit.Buckets // of files, by address, without signing in
	pages   *http.CrossOriginProtection
	mux     *http.ServeMux
	seconds *prometheus.HistogramVec
}

// New returns the handler of every route, of /.well-known/jwks.json and of /docs. What it does not know, it answers with
// 404 or 405 in the form of all its errors. It must not be given /ws: a WebSocket cannot be compressed or recorded.
func New(d Deps) (http.Handler, error) {
	seconds, err := obs.Register(d.Metrics, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "natter_edge_gateway_http_seconds", Help: "Time to answer an HTTP request.", Buckets: obs.LatencyBuckets,
	}, []string{"route", "code"}))
	if err != nil {
		return nil, fmt.Errorf("rest metrics: %w", err)
	}
	a := &api{Deps: d, proxies: d.Config.TrustedProxies, mux: http.NewServeMux(), seconds: seconds, limits: limiter{
		httpv1.RateClass_RATE_CLASS_READ:  ratelimit.NewBuckets(d.Config.RateRead),
		httpv1.RateClass_RATE_CLASS_WRITE: ratelimit.NewBuckets(d.Config.RateWrite),
		httpv1.RateClass_RATE_CLASS_AUTH:  ratelimit.NewBuckets(d.Config.RateAuth),
	}}
	perAddress := d.Config.RateRead
	perAddress.Count *= fileReadersPerAddress
	a.readers = ratelimit.NewBuckets(perAddress)
	if a.pages, err = newOwnPages(d.Config.Origins); err != nil {
		return nil, err
	}
	for _, r := range d.Routes {
		e := &endpoint{api: a, route: r}
		if e.request, err = protoregistry.GlobalTypes.FindMessageByName(r.RPC.Input().FullName()); err != nil {
			return nil, fmt.Errorf("rest: %s: %w", r.Pattern(), err)
		}
		if e.reply, err = protoregistry.GlobalTypes.FindMessageByName(r.RPC.Output().FullName()); err != nil {
			return nil, fmt.Errorf("rest: %s: %w", r.Pattern(), err)
		}
		if err := handle(a.mux, r.Pattern(), e); err != nil {
			return nil, err
		}
	}
	if err := a.handleOthers(); err != nil {
		return nil, err
	}
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(gzipFrom))
	if err != nil {
		return nil, fmt.Errorf("rest: compression: %w", err)
	}
	return a.observe(a.cors(a.ownPages(compress(http.HandlerFunc(a.dispatch))))), nil
}

// handle registers a pattern. ServeMux panics when two patterns take the same request; here that is an error at start.
func handle(mux *http.ServeMux, pattern string, h http.Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("rest: %s: %v", pattern, p)
		}
	}()
	mux.Handle(pattern, h)
	return nil
}

// dispatch is the router: the API first, then pages, then errors of our form.
func (a *api) dispatch(w http.ResponseWriter, r *http.Request) {
	if h, pattern := a.mux.Handler(r); pattern == "" {
		if a.Pages != nil && a.Pages.Serves(r) {
			a.Pages.ServeHTTP(w, r)
			return
		}
		a.refuse(w, r, h)
		return
	}
	a.mux.ServeHTTP(w, r)
}
