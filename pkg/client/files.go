package client

import (
	"context"

	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

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
