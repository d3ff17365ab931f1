// Package authn says who is asking: it verifies access tokens and names the caller that rpc carries between services.
package authn

import "github.com/natter-chat/natter/pkg/ids"

// Caller is the user on whose behalf a request is made, as their access token says.
type Caller struct {
	User     ids.User
	Username string
	Avatar   string
	Email    string
	// IsBot: a program of another user's, which acts by API tokens.
	IsBot bool
	// Session is the sign-in that the token belongs to (claim sid).
	Session ids.Session
}

// Client is the program that a request comes from, as the gateway sees it. Either may be empty.
type Client struct {
	// Address is its IP address, past our own proxies.
	Address string
	// UserAgent is what it calls itself: anything it likes, at most 256 bytes of UTF-8.
	UserAgent string
}
