package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/room"
)

const (
	// maxLinks is how many files one request may ask links to.
	maxLinks = 100
	// linkStep is how long the link to a file stays the same, so that browsers have to get it only once in that time. A link is
	// good for one to two steps.
	linkStep = 5 * time.Minute
	// signatureSize is that of a signature, in bytes: 128 bits cannot be guessed.
	signatureSize = 16
)

// links signs links to files. Whoever has one may have the file until the link expires, or the file is deleted.
type links struct{ key []byte }

// newLinks returns a signer with a key of its own, made of one that serves other ends, too.
func newLinks(hashKey []byte) links {
	h := hmac.New(sha256.New, hashKey)
	_, _ = h.Write([]byte("links to files")) // never fails
	return links{h.Sum(nil)}
}

// expiry is when a link of now expires, as Unix time in seconds.
func expiry(now time.Time) uint32 { return uint32(now.Truncate(linkStep).Add(2 * linkStep).Unix()) }

func (l links) sign(id ids.File, expires uint32) []byte {
	h := hmac.New(sha256.New, l.key)
	_, _ = h.Write(binary.BigEndian.AppendUint32(id[:], expires)) // never fails
	return h.Sum(nil)[:signatureSize]
}

// vouch reports whether a signature is of a link that is good now.
func (l links) vouch(id ids.File, expires uint32, signature string, now time.Time) bool {
	given, err := base64.RawURLEncoding.DecodeString(signature)
	return err == nil && hmac.Equal(given, l.sign(id, expires)) && now.Unix() < int64(expires)
}

// query is what makes the URL of a file a link.
func (l links) query(id ids.File, expires uint32) string {
	return fmt.Sprintf("?expires=%d&signature=%s", expires, base64.RawURLEncoding.EncodeToString(l.sign(id, expires)))
}

// SignFiles returns links to those of the files that the caller may have.
func (a *API) SignFiles(ctx context.Context, req *storev1.SignFilesRequest) (*storev1.SignFilesResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	if n := len(req.GetFileIds()); n == 0 || n > maxLinks {
		return nil, fault.Invalid("fileIds", "must be 1 to %d", maxLinks)
	}
	list := make([]ids.File, len(req.GetFileIds()))
	for i, text := range req.GetFileIds() {
		if list[i], err = parseFile(text, "fileIds"); err != nil {
			return nil, err
		}
	}
	files, err := a.Files.Files(ctx, list)
	if err != nil {
		return nil, err
	}
	expires, in := expiry(a.Now()), map[ids.Room]bool{}
	res := &storev1.SignFilesResponse{}
	for _, id := range list {
		f := files[id]
		may, err := a.mayHave(ctx, f, caller.User, in)
		if err != nil {
			return nil, err
		}
		if !may {
			continue
		}
		path, query := room.FilesPath+id.String(), a.links.query(id, expires)
		link := &storev1.FileLink{FileId: id.String(), Url: path + query, ExpiresAt: timestamppb.New(time.Unix(int64(expires), 0))}
		if f.HasThumbnail {
			link.ThumbnailUrl = path + "/thumbnail" + query
		}
		res.Links = append(res.Links, link)
	}
	return res, nil
}
