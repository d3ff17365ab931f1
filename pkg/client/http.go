package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"google.golang.org/protobuf/proto"

	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// Register creates an account and signs this client in.
func (c *Client) Register(ctx context.Context, email, username, password string) (*authv1.SignedIn, error) {
	return c.signIn(ctx, "register", &authv1.RegisterRequest{Email: email, Username: username, Password: password})
}

// Login signs this client in.
func (c *Client) Login(ctx context.Context, email, password string) (*authv1.SignedIn, error) {
	return c.signIn(ctx, "login", &authv1.LoginRequest{Email: email, Password: password})
}

func (c *Client) signIn(ctx context.Context, how string, body proto.Message) (*authv1.SignedIn, error) {
	signedIn, err := one(ctx, c, call{method: http.MethodPost, path: []string{"auth", how}, body: body, public: true, signIn: true}, &authv1.SignedIn{})
	if err != nil {
		return nil, err
	}
	c.tokens.begin(signedIn)
	return signedIn, nil
}

// renew goes on with a session. It is no new one: no other header is needed to have the next token in the body.
func (c *Client) renew(ctx context.Context, refreshToken string) (*authv1.SignedIn, error) {
	body := &authv1.RefreshRequest{RefreshToken: refreshToken}
	return one(ctx, c, call{method: http.MethodPost, path: []string{"auth", "refresh"}, body: body, public: true}, &authv1.SignedIn{})
}

// Logout ends the session that Register or Login began, or with everywhere all sessions of the user.
func (c *Client) Logout(ctx context.Context, everywhere bool) error {
	body := &authv1.LogoutRequest{RefreshToken: c.tokens.refreshToken(), Everywhere: everywhere}
	if _, err := c.do(ctx, call{method: http.MethodPost, path: []string{"auth", "logout"}, body: body}); err != nil {
		return err
	}
	c.tokens.begin(nil)
	return nil
}

// Sessions returns where the user is signed in, the session that was used last first.
func (c *Client) Sessions(ctx context.Context) ([]*authv1.Session, error) {
	return list[authv1.Session](ctx, c, call{method: http.MethodGet, path: []string{"auth", "sessions"}})
}

// Me is the signed-in user.
func (c *Client) Me(ctx context.Context) (*chatv1.User, error) {
	return one(ctx, c, call{method: http.MethodGet, path: []string{"auth", "me"}}, &chatv1.User{})
}

// UpdateMe changes the user's name or avatar; what is nil stays as it is.
func (c *Client) UpdateMe(ctx context.Context, username, avatar *string) (*chatv1.User, error) {
	body := &authv1.UpdateMeRequest{Username: username, Avatar: avatar}
	return one(ctx, c, call{method: http.MethodPatch, path: []string{"auth", "me"}, body: body}, &chatv1.User{})
}

// CreateRoom creates a room; the user becomes its owner.
func (c *Client) CreateRoom(ctx context.Context, name, description string, private bool) (*chatv1.Room, error) {
	body := &roomsv1.CreateRoomRequest{Name: name, Description: description, IsPrivate: private}
	return one(ctx, c, call{method: http.MethodPost, path: []string{"chat", "rooms"}, body: body}, &chatv1.Room{})
}

// ListRooms returns the public rooms and the user's private ones, newest first. after is the id of the last room of the
// page before ("": the first page); limit is 1 to 100 (0: 50); joined leaves out the rooms the user is not a member of.
func (c *Client) ListRooms(ctx context.Context, after string, limit int, joined bool) ([]*chatv1.Room, error) {
	query := page(after, limit)
	if joined {
		query.Set("joined", "true")
	}
	return list[chatv1.Room](ctx, c, call{method: http.MethodGet, path: []string{"chat", "rooms"}, query: query})
}

// GetRoom returns one room.
func (c *Client) GetRoom(ctx context.Context, roomID string) (*chatv1.Room, error) {
	return one(ctx, c, call{method: http.MethodGet, path: []string{"chat", "rooms", roomID}}, &chatv1.Room{})
}

// JoinRoom makes the user a member of a public room; joining twice is not an error.
func (c *Client) JoinRoom(ctx context.Context, roomID string) (*chatv1.Room, error) {
	return one(ctx, c, call{method: http.MethodPost, path: []string{"chat", "rooms", roomID, "join"}}, &chatv1.Room{})
}

// LeaveRoom ends the user's membership. An owner cannot leave a room that has other members.
func (c *Client) LeaveRoom(ctx context.Context, roomID string) error {
	_, err := c.do(ctx, call{method: http.MethodPost, path: []string{"chat", "rooms", roomID, "leave"}})
	return err
}

// Members returns the members in the order in which they joined. after is the user id of the last one of the page before
// ("": the first page); limit is 1 to 200 (0: 50).
func (c *Client) Members(ctx context.Context, roomID, after string, limit int) ([]*chatv1.Member, error) {
	return list[chatv1.Member](ctx, c, call{
		method: http.MethodGet, path: []string{"chat", "rooms", roomID, "members"}, query: page(after, limit),
	})
}

// AddMember adds a user to a room; for its owners and admins.
func (c *Client) AddMember(ctx context.Context, roomID, userID string) (*chatv1.Member, error) {
	body := &roomsv1.AddMemberRequest{UserId: userID}
	return one(ctx, c, call{method: http.MethodPost, path: []string{"chat", "rooms", roomID, "members"}, body: body}, &chatv1.Member{})
}

// RemoveMember removes a user from a room; with ban they cannot come back. For its owners, admins and moderators.
func (c *Client) RemoveMember(ctx context.Context, roomID, userID string, ban bool) error {
	query := url.Values{}
	if ban {
		query.Set("ban", "true")
	}
	_, err := c.do(ctx, call{method: http.MethodDelete, path: []string{"chat", "rooms", roomID, "members", userID}, query: query})
	return err
}

// Messages returns a page of messages, newest first. A Conn's Fetch also says as of which seq, and whether there are more.
func (c *Client) Messages(ctx context.Context, roomID string, which Which) ([]*chatv1.Message, error) {
	query := page("", int(which.Limit))
	for name, seq := range map[string]uint32{"before": which.Before, "after": which.After} {
		if seq != 0 {
			query.Set(name, strconv.FormatUint(uint64(seq), 10))
		}
	}
	return list[chatv1.Message](ctx, c, call{method: http.MethodGet, path: []string{"chat", "rooms", roomID, "messages"}, query: query})
}

func page(after string, limit int) url.Values {
	query := url.Values{}
	if after != "" {
		query.Set("after", after)
	}
	if limit != 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	return query
}
