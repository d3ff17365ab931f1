package rest

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/rpc"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/clientaddr"
	"github.com/natter-chat/natter/services/edge-gateway/internal/upload"
)

// Files takes and gives files: an *upload.Service. Errors are faults.
type Files interface {
	File(ctx context.Context, room, name string, body io.Reader, length int64) (*chatv1.File, error)
	Avatar(ctx context.Context, body io.Reader, length int64) (*chatv1.File, error)
	Open(ctx context.Context, req *storev1.GetFileRequest, thumbnail bool) (*storev1.GetFileResponse, io.ReadSeekCloser, error)
	Stall() time.Duration
}

// fileReadersPerAddress is how many more files than other things may be read from one client address without signing in: the
// pictures on all the screens of an office.
const fileReadersPerAddress = 10

func (a *api) handleFiles() error {
	return errors.Join(
		handle(a.mux, "POST /chat/rooms/{roomId}/files", a.uploads(func(ctx context.Context, r *http.Request, body io.Reader) (*chatv1.File, error) {
			return a.Files.File(ctx, r.PathValue("roomId"), strings.ToValidUTF8(r.URL.Query().Get("name"), ""), body, r.ContentLength)
		})),
		handle(a.mux, "POST /files/avatars", a.uploads(func(ctx context.Context, r *http.Request, body io.Reader) (*chatv1.File, error) {
			return a.Files.Avatar(ctx, body, r.ContentLength)
		})),
		handle(a.mux, "GET /files/{fileId}", a.downloads(false)),
		handle(a.mux, "GET /files/{fileId}/thumbnail", a.downloads(true)),
	)
}

// uploads is a route whose body is a file. It is bound by the limits of files, not by those of other bodies, and by its pace.
func (a *api) uploads(take func(ctx context.Context, r *http.Request, body io.Reader) (*chatv1.File, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := a.admitUser(r, authn.ScopeWrite, httpv1.RateClass_RATE_CLASS_WRITE)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		f, err := take(ctx, r, newPacedBody(w, r.Body, a.Files.Stall()))
		switch {
		case err == nil:
		case errors.Is(err, upload.ErrCutOff) && errors.Is(err, os.ErrDeadlineExceeded):
			err = statusError{http.StatusRequestTimeout, fault.New(fault.DeadlineExceeded, "the upload stood still, or was too slow")}
		case errors.Is(err, upload.ErrTooLarge):
			err = statusError{http.StatusRequestEntityTooLarge, fault.From(err)}
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		body, err := compact(toJSON.Marshal(f))
		if err != nil {
			a.fail(w, r, fault.E(fault.Internal, "encode answer", err))
			return
		}
		w.Header().Set("Location", "/files/"+f.GetId())
		writeJSON(w, http.StatusCreated, body)
	})
}

// admitUser is admit for a route that is no rpc.
func (a *api) admitUser(r *http.Request, scope string, rate httpv1.RateClass) (context.Context, error) {
	ctx := a.withClient(r)
	caller, err := a.callerOf(ctx, r, scope)
	if err != nil {
		return nil, err
	}
	return rpc.WithCaller(ctx, caller), a.limits.take(rate, caller.User.String(), time.Now())
}

// downloads is a route whose answer is a file, for who is signed in, has a link, or, if it is public, anybody. An access token in
// the URL is not looked at: URLs end up in logs.
func (a *api) downloads(thumbnail bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, req, err := a.admitReader(r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		res, content, err := a.Files.Open(ctx, req, thumbnail)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		defer func() { _ = content.Close() }() // it was only read
		h := w.Header()
		h.Set(gzhttp.HeaderNoCompression, "yes") // ranges are of these bytes; most are compressed anyhow
		h.Set("ETag", entityTag(res.GetFile(), thumbnail))
		h.Set("Cache-Control", cacheControl(res, req, time.Now()))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // the style is the browser's own, of pictures
		h.Set("Content-Disposition", disposition(res.GetFile()))
		if !thumbnail { // a thumbnail is PNG or JPEG of our own making: ServeContent finds out which
			h.Set("Content-Type", res.GetFile().GetType())
		}
		paced := newPacedWriter(w, a.Files.Stall())
		defer paced.end()
		http.ServeContent(paced, r, "", time.Time{}, content)
	})
}

// admitReader says who reads a file, and whether they may now: by user, or by address who is not signed in.
func (a *api) admitReader(r *http.Request) (context.Context, *storev1.GetFileRequest, error) {
	req := &storev1.GetFileRequest{FileId: r.PathValue("fileId")}
	if r.Header.Get("Authorization") != "" {
		ctx, err := a.admitUser(r, authn.ScopeRead, httpv1.RateClass_RATE_CLASS_READ)
		return ctx, req, err
	}
	if wait := a.readers.Of(clientaddr.Key(a.proxies.Of(r))).Take(time.Now(), 1); wait > 0 {
		return nil, nil, fault.New(fault.ResourceExhausted, "too many requests; try again later").WithRetryAfter(wait)
	}
	query := r.URL.Query()
	if req.Signature = strings.ToValidUTF8(query.Get("signature"), ""); req.GetSignature() != "" {
		expires, err := strconv.ParseUint(query.Get("expires"), 10, 32)
		if err != nil {
			return nil, nil, fault.Invalid("expires", "expires is not a number from 0 to 4294967295")
		}
		req.Expires = uint32(expires)
	}
	return a.withClient(r), req, nil
}

// entityTag never changes: the bytes of a file do not.
func entityTag(f *chatv1.File, thumbnail bool) string {
	if thumbnail {
		return `"` + f.GetId() + `.thumbnail"`
	}
	return `"` + f.GetId() + `"`
}

// cacheControl lets everybody keep what is public; a browser what it got by a link, until that expires; and what it got by its
// token only if it asks each time whether it still may have it.
func cacheControl(res *storev1.GetFileResponse, req *storev1.GetFileRequest, now time.Time) string {
	switch {
	case res.GetIsPublic():
		return "public, max-age=31536000, immutable"
	case req.GetSignature() != "":
		return "private, max-age=" + strconv.FormatInt(max(0, int64(req.GetExpires())-now.Unix()), 10)
	}
	return "private, no-cache"
}

// shown are the media types that a browser shows or plays; none of them can have a script in it. Everything else is downloaded.
func shown() []string {
	return []string{
		"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif",
		"audio/aac", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav", "audio/webm", "audio/x-m4a",
		"video/mp4", "video/ogg", "video/quicktime", "video/webm",
	}
}

// disposition says what to do with a file, and its name (RFC 6266).
func disposition(f *chatv1.File) string {
	kind := "attachment"
	if slices.Contains(shown(), f.GetType()) {
		kind = "inline"
	}
	if with := mime.FormatMediaType(kind, map[string]string{"filename": f.GetName()}); with != "" {
		return with
	}
	return kind
}
