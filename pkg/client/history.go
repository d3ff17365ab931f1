package client

import (
	"context"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	edgegatewayv1 "github.com/natter-chat/natter/proto/gen/natter/edge_gateway/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

// Post sends a message by HTTP, for programs that have no Conn, and returns when it is stored. It is not repeated by itself:
// after an error, call it again with the same WithNonce, and it is stored once.
func (c *Client) Post(ctx context.Context, roomID, content string, opts ...SendOption) (*clientv1.Ack, error) {
	send := newSend(roomID, content, opts)
	return call(ctx, c, &edgegatewayv1.SendMessageRequest{
		RoomId: send.GetRoomId(), Nonce: send.GetNonce(), Content: send.GetContent(), Type: send.GetType(), FileUrl: send.GetFileUrl(),
		ReplyTo: send.GetReplyTo(), Thread: send.GetThread(),
	}, &clientv1.Ack{})
}

// Messages returns a page of messages, newest first. A Conn's Fetch also says as of which seq, whether there are more, and
// what happened between them.
func (c *Client) Messages(ctx context.Context, roomID string, which Which) ([]*chatv1.Message, error) {
	req := &messagestorev1.ListMessagesRequest{RoomId: roomID, Limit: which.Limit, Thread: which.Thread}
	if which.Before != 0 {
		req.Before = &which.Before
	}
	if which.After != 0 {
		req.After = &which.After
	}
	res, err := call(ctx, c, req, &messagestorev1.ListMessagesResponse{})
	return res.GetMessages(), err
}

// Message returns one message, with all that has happened to it.
func (c *Client) Message(ctx context.Context, roomID string, seq uint32) (*chatv1.Message, error) {
	return call(ctx, c, &messagestorev1.GetMessageRequest{RoomId: roomID, Seq: seq}, &chatv1.Message{})
}

// Threads returns the messages of a room that have replies in their threads, newest message first; before is the seq of the
// last one of the page before. Fetch and Messages return the replies of one.
func (c *Client) Threads(ctx context.Context, roomID string, before uint32, limit int) ([]*chatv1.Message, error) {
	req := &messagestorev1.ListThreadsRequest{RoomId: roomID, Before: before, Limit: uint32(limit)}
	res, err := call(ctx, c, req, &messagestorev1.ListThreadsResponse{})
	return res.GetMessages(), err
}

// FollowedThreads returns a page of the threads that the user follows, in all rooms they are in: the one with the newest reply
// first. before is the Next of the page before.
func (c *Client) FollowedThreads(ctx context.Context, before string, limit int) (*messagestorev1.ListFollowedThreadsResponse, error) {
	req := &messagestorev1.ListFollowedThreadsRequest{Before: before, Limit: uint32(limit)}
	return call(ctx, c, req, &messagestorev1.ListFollowedThreadsResponse{})
}

// Edits returns every content that a message had, oldest first; after is the seq of the last edit of the page before.
func (c *Client) Edits(ctx context.Context, roomID string, seq, after uint32, limit int) ([]*messagestorev1.Edit, error) {
	req := &messagestorev1.ListEditsRequest{RoomId: roomID, Seq: seq, After: after, Limit: uint32(limit)}
	res, err := call(ctx, c, req, &messagestorev1.ListEditsResponse{})
	return res.GetEdits(), err
}

// Readers returns who has read a message, in rooms of up to 100 members.
func (c *Client) Readers(ctx context.Context, roomID string, seq uint32) ([]*chatv1.UserRef, error) {
	res, err := call(ctx, c, &messagestorev1.ListReadersRequest{RoomId: roomID, Seq: seq}, &messagestorev1.ListReadersResponse{})
	return res.GetReaders(), err
}

// Pins returns the pinned messages of a room, what was pinned last first; before is the seq of the last pin of the page before.
func (c *Client) Pins(ctx context.Context, roomID string, before uint32, limit int) ([]*messagestorev1.Pin, error) {
	req := &messagestorev1.ListPinsRequest{RoomId: roomID, Before: before, Limit: uint32(limit)}
	res, err := call(ctx, c, req, &messagestorev1.ListPinsResponse{})
	return res.GetPins(), err
}

// SaveMessage keeps a message for later, for the user alone.
func (c *Client) SaveMessage(ctx context.Context, roomID string, seq uint32) error {
	return done(ctx, c, &messagestorev1.SaveMessageRequest{RoomId: roomID, Seq: seq}, &messagestorev1.SaveMessageResponse{})
}

// UnsaveMessage no longer keeps it.
func (c *Client) UnsaveMessage(ctx context.Context, roomID string, seq uint32) error {
	return done(ctx, c, &messagestorev1.UnsaveMessageRequest{RoomId: roomID, Seq: seq}, &messagestorev1.UnsaveMessageResponse{})
}

// Saved returns what the user saved, of the rooms they are in, what was saved last first.
func (c *Client) Saved(ctx context.Context, before string, limit int) ([]*messagestorev1.Saved, error) {
	res, err := call(ctx, c, &messagestorev1.ListSavedRequest{Before: before, Limit: uint32(limit)}, &messagestorev1.ListSavedResponse{})
	return res.GetSaved(), err
}

// Mentions returns the messages that mention the user, or @room, in the rooms they are in, newest first; before is the _id
// of the last message of the page before. The list ends with an empty page: one of long messages may have fewer than limit.
func (c *Client) Mentions(ctx context.Context, before string, limit int) ([]*chatv1.Message, error) {
	res, err := call(ctx, c, &messagestorev1.ListMentionsRequest{Before: before, Limit: uint32(limit)}, &messagestorev1.ListMentionsResponse{})
	return res.GetMessages(), err
}

// Search returns a page of the messages in the user's rooms that fit a query, newest first, and the places of their contents
// that do. before is the Next of the page before: the list ends with the page whose Next is empty, not with a short one. What
// is wrong with a query is an Error of Field "query", whose Message names the place.
func (c *Client) Search(ctx context.Context, query, before string, limit int) (*messagestorev1.SearchMessagesResponse, error) {
	req := &messagestorev1.SearchMessagesRequest{Query: query, Before: before, Limit: uint32(limit)}
	return call(ctx, c, req, &messagestorev1.SearchMessagesResponse{})
}
