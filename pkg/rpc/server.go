// Package rpc is typed request/reply between the services: protobuf over NATS micro-services. The caller's deadline and
// identity travel in headers; faults cross as bus.v1.Fault.
package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/pkg/subject"
)

const (
	// maxConcurrent bounds the handlers of one service at the same time. Above it requests wait in the subscription,
	// and those whose deadline passed there are dropped unanswered.
	maxConcurrent = 256
	// maxReply is the largest reply; NATS refuses more than 1 MiB by default. Larger answers need a cursor.
	maxReply = 512 << 10
	// version of the micro-services; shown by `nats micro ls`.
	version = "1.0.0"
)

// Server serves the methods of one service. It is safe for concurrent use.
type Server struct {
	name    string
	log     *slog.Logger
	seconds *prometheus.HistogramVec
	running prometheus.Gauge
	svc     micro.Service
	group   micro.Group
	nc      *nats.Conn
	slots   chan struct{}
	base    context.Context //nolint:containedctx // the life of the handlers
	cancel  context.CancelFunc

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup // handlers; added to under mu, while not closed
}

// NewServer registers a micro-service with the bus. Methods are added by Handle.
func NewServer(nc *nats.Conn, service string, log *slog.Logger, reg prometheus.Registerer) (*Server, error) {
	seconds, err := obs.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "natter_rpc_seconds", Help: "Time to answer an rpc.", Buckets: obs.LatencyBuckets,
	}, []string{"service", "method", "code"}))
	if err != nil {
		return nil, fmt.Errorf("rpc metrics: %w", err)
	}
	running, err := obs.Register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "natter_rpc_running", Help: "Rpcs that are being answered, of at most 256 at a time; more wait.",
	}, []string{"service"}))
	if err != nil {
		return nil, fmt.Errorf("rpc metrics: %w", err)
	}
	svc, err := micro.AddService(nc, micro.Config{
		Name: service, Version: version, Description: "Natter " + service,
		ErrorHandler: func(_ micro.Service, err *micro.NATSError) { log.Warn("rpc subscription", "error", err) },
	})
	if err != nil {
		return nil, fmt.Errorf("register %s with NATS: %w", service, err)
	}
	base, cancel := context.WithCancel(context.Background())
	return &Server{
		name: service, log: log, nc: nc, seconds: seconds, running: running.WithLabelValues(service), svc: svc, group: svc.AddGroup(subject.RPCGroup(service)),
		slots: make(chan struct{}, maxConcurrent), base: base, cancel: cancel,
	}, nil
}

// Handle serves natter.rpc.<service>.<method>. The handler's context ends with the caller's deadline; Caller(ctx) is
// who asks. Errors are answered by their fault code; what is our own fault is logged here.
func Handle[Req, Res proto.Message](s *Server, method string, fn func(context.Context, Req) (Res, error)) error {
	return s.group.AddEndpoint(method, micro.HandlerFunc(func(r micro.Request) {
		s.acquire()
		s.spawn(r, func() {
			defer s.release()
			began := time.Now()
			ctx, cancel := serverContext(s.base, r)
			defer cancel()
			if ctx.Err() != nil {
				return // nobody waits for the answer any more
			}
			res, err := invoke(ctx, r.Data(), fn)
			s.answer(r, method, res, err, began)
		})
	}))
}

func (s *Server) acquire() {
	s.slots <- struct{}{}
	s.running.Inc()
}

func (s *Server) release() {
	s.running.Dec()
	<-s.slots
}

// spawn runs handle on a goroutine that Close waits for. A request that was on its way while the server closed is
// answered Unavailable: another instance takes the next attempt.
func (s *Server) spawn(r micro.Request, handle func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Go(handle)
		return
	}
	s.release()
	if err := s.reply(r, nil, fault.New(fault.Unavailable, "the service is stopping; try again")); err != nil {
		s.log.Warn("rpc reply not sent", "error", err)
	}
}

// invoke decodes, calls and encodes. A panic of the handler is that request's internal error, not the service's end.
func invoke[Req, Res proto.Message](ctx context.Context, data []byte, fn func(context.Context, Req) (Res, error)) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.E(fault.Internal, "handler", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	var zero Req
	req, _ := zero.ProtoReflect().New().Interface().(Req)
	if err := proto.Unmarshal(data, req); err != nil {
		return nil, fault.E(fault.InvalidArgument, "decode request", err)
	}
	res, err := fn(ctx, req)
	if err != nil {
		return nil, err
	}
	out, err = proto.Marshal(res)
	if err == nil && len(out) > maxReply {
		err = fmt.Errorf("reply of %d bytes, more than %d: this method needs a cursor", len(out), maxReply)
	}
	return out, fault.E(fault.Internal, "encode reply", err)
}

func (s *Server) answer(r micro.Request, method string, out []byte, err error, began time.Time) {
	code := "ok"
	var f *fault.Fault
	if err != nil {
		f = fault.From(err)
		if f.Code == fault.DeadlineExceeded { // to the caller it is the same as no answer
			f = unavailable(method, err)
		}
		code = string(f.Code)
		level := slog.LevelDebug
		if f.Code == fault.Internal || f.Code == fault.Unavailable {
			level = slog.LevelError
		}
		s.log.Log(context.Background(), level, "rpc failed", "method", method, "error", err)
	}
	if err := s.reply(r, out, f); err != nil {
		s.log.Warn("rpc reply not sent", "method", method, "error", err)
	}
	s.seconds.WithLabelValues(s.name, method, code).Observe(time.Since(began).Seconds())
}

// reply sends what micro's Respond and Error would. Those also write to the request, which micro reads as soon as the
// subscription's callback returns: here long before the answer.
func (s *Server) reply(r micro.Request, out []byte, f *fault.Fault) error {
	m := &nats.Msg{Subject: r.Reply(), Data: out}
	if f != nil {
		m.Header = nats.Header{micro.ErrorHeader: {"fault"}, micro.ErrorCodeHeader: {string(f.Code)}}
		m.Data = mustMarshal(ToProto(f))
	}
	return s.nc.PublishMsg(m)
}

// Close stops taking requests, waits for the handlers under way until ctx ends, and then cancels them.
func (s *Server) Close(ctx context.Context) error {
	err := s.svc.Stop() // drains in the background: what was delivered still comes
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("rpc %s: handlers still running: %w", s.name, ctx.Err()))
	}
	s.cancel()
	<-done
	return err
}
