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
	svc     micro.Service
	group   micro.Group
	slots   chan struct{}
	wg      sync.WaitGroup
	base    context.Context //nolint:containedctx // the life of the handlers
	cancel  context.CancelFunc
}

// NewServer registers a micro-service with the bus. Methods are added by Handle.
func NewServer(nc *nats.Conn, service string, log *slog.Logger, reg prometheus.Registerer) (*Server, error) {
	seconds, err := obs.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "natter_rpc_seconds", Help: "Time to answer an rpc.", Buckets: obs.LatencyBuckets,
	}, []string{"service", "method", "code"}))
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
		name: service, log: log, seconds: seconds, svc: svc, group: svc.AddGroup(subject.RPCGroup(service)),
		slots: make(chan struct{}, maxConcurrent), base: base, cancel: cancel,
	}, nil
}

// Handle serves natter.rpc.<service>.<method>. The handler's context ends with the caller's deadline; Caller(ctx) is
// who asks. Errors are answered by their fault code; what is our own fault is logged here.
func Handle[Req, Res proto.Message](s *Server, method string, fn func(context.Context, Req) (Res, error)) error {
	return s.group.AddEndpoint(method, micro.HandlerFunc(func(r micro.Request) {
		s.slots <- struct{}{}
		s.wg.Go(func() {
			defer func() { <-s.slots }()
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
	if err == nil {
		err = r.Respond(out)
	} else {
		f := fault.From(err)
		code = string(f.Code)
		level := slog.LevelDebug
		if f.Code == fault.Internal || f.Code == fault.Unavailable {
			level = slog.LevelError
		}
		s.log.Log(context.Background(), level, "rpc failed", "method", method, "error", err)
		err = r.Error(code, "fault", mustMarshal(ToProto(f)))
	}
	if err != nil {
		s.log.Warn("rpc reply not sent", "method", method, "error", err)
	}
	s.seconds.WithLabelValues(s.name, method, code).Observe(time.Since(began).Seconds())
}

// Close stops taking requests, waits for the handlers under way until ctx ends, and then cancels them.
func (s *Server) Close(ctx context.Context) error {
	err := s.svc.Stop() // drains: what was delivered is still handled
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
