package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/natter-chat/natter/pkg/fault"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

// filesPath is where files are; the id of one comes after it.
const filesPath = "/files/"

// Upload is a file to upload.
type Upload struct {
	// Name is what it is called; the server leaves directories out.
	Name string
	// Content is read once; if it is an io.Seeker, again from where it was when the access token had to be renewed.
	Content io.Reader
	// Size is how many bytes that is; 0: not known, and then the server asks for space for the largest file it takes.
	Size int64
	// Progress, if set, is called with how many bytes are sent, from another goroutine.
	Progress func(sent int64)
}

// Upload uploads a file to a room, where it can be sent with WithUpload, once, within a day. To cancel it, end ctx: nothing of it
// stays. It returns when a Read of the content that is under way does. Errors have the field body when the file is too large (invalid_argument) or the user's space used up
// (resource_exhausted).
func (c *Client) Upload(ctx context.Context, roomID string, u Upload) (*chatv1.File, error) {
	if roomID == "" || roomID == "." || roomID == ".." {
		return nil, fault.Invalid("roomId", "%q is not an id", roomID)
	}
	return c.upload(ctx, "/chat/rooms/"+url.PathEscape(roomID)+"/files", url.Values{"name": {u.Name}}, u)
}

// UploadAvatar uploads a picture of a user or a room, of up to 2 MiB, and returns the path to set as an avatar.
func (c *Client) UploadAvatar(ctx context.Context, picture io.Reader) (string, error) {
	f, err := c.upload(ctx, "/files/avatars", nil, Upload{Content: picture})
	if err != nil {
		return "", err
	}
	return filesPath + f.GetId(), nil
}

// WithUpload attaches an uploaded file.
func WithUpload(f *chatv1.File) SendOption {
	kind := "file"
	if strings.HasPrefix(f.GetType(), "image/") {
		kind = "image"
	}
	return WithFile(kind, filesPath+f.GetId())
}

func (c *Client) upload(ctx context.Context, path string, query url.Values, u Upload) (*chatv1.File, error) {
	again, isSeeker := u.Content.(io.Seeker)
	start := int64(0)
	if isSeeker {
		var err error
		if start, err = again.Seek(0, io.SeekCurrent); err != nil {
			isSeeker = false // a pipe is a file, too
		}
	}
	resp, err := c.transfer(ctx, isSeeker, func() (*http.Request, error) {
		if isSeeker {
			if _, err := again.Seek(start, io.SeekStart); err != nil {
				return nil, err
			}
		}
		target := c.base.JoinPath(path)
		target.RawQuery = query.Encode()
		// A reader of our own: the HTTP client would close the content.
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), &sending{r: u.Content, progress: u.Progress})
		if err != nil {
			return nil, err
		}
		if req.ContentLength = -1; u.Size > 0 {
			req.ContentLength = u.Size
		}
		req.Header.Set("Content-Type", "application/octet-stream")
		return req, nil
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it is read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return nil, fmt.Errorf("read the answer to an upload: %w", err)
	}
	f := &chatv1.File{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(answer, f); err != nil {
		return nil, fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return f, nil
}

// sending counts what is read of an upload.
type sending struct {
	r        io.Reader
	sent     int64
	progress func(int64)
}

func (s *sending) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.sent += int64(n); n > 0 && s.progress != nil {
		s.progress(s.sent)
	}
	return n, err
}

// Download returns the bytes of a file that the user may see; close them. Ctx ends it.
func (c *Client) Download(ctx context.Context, fileID string) (io.ReadCloser, error) {
	if fileID == "" || fileID == "." || fileID == ".." {
		return nil, fault.Invalid("fileId", "%q is not an id", fileID)
	}
	resp, err := c.transfer(ctx, true, func() (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath(filesPath, url.PathEscape(fileID)).String(), nil)
	})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// transfer makes a request that may take as long as it takes, and once more with a fresh token if it can be repeated and the
// token in use is refused.
func (c *Client) transfer(ctx context.Context, canRepeat bool, request func() (*http.Request, error)) (*http.Response, error) {
	token, err := c.tokens.get(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := c.transferWith(token, request)
	if fault.CodeOf(err) != fault.Unauthenticated || !canRepeat || !c.tokens.canRefresh() {
		return resp, err
	}
	if token, err = c.tokens.refresh(ctx, token); err != nil {
		return nil, err
	}
	return c.transferWith(token, request)
}

func (c *Client) transferWith(token string, request func() (*http.Request, error)) (*http.Response, error) {
	req, err := request()
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	unhurried := *c.http
	unhurried.Timeout = 0
	resp, err := unhurried.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		return resp, nil
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", req.URL.Path, err)
	}
	return nil, readError(resp, answer)
}

// FileLinks returns links to up to 100 files that need no token, as for the src of an image; they expire within minutes. Files
// that are gone, or not the user's to see, are left out.
func (c *Client) FileLinks(ctx context.Context, fileIDs ...string) ([]*storev1.FileLink, error) {
	res, err := call(ctx, c, &storev1.SignFilesRequest{FileIds: fileIDs}, &storev1.SignFilesResponse{})
	return res.GetLinks(), err
}

// DeleteFile deletes an uploaded file that was not sent.
func (c *Client) DeleteFile(ctx context.Context, fileID string) error {
	return done(ctx, c, &storev1.DeleteFileRequest{FileId: fileID}, &storev1.DeleteFileResponse{})
}
