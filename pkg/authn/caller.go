// Package authn says who is asking: it verifies access tokens and names the caller that rpc carries between services.
package authn

import "github.com/natter-chat/natter/pkg/ids"

// Caller is the user on whose behalf a request is made, as their access token says.
type Caller struct {
	User     ids.User
	Username string
	Avatar   string
	Email    string
}
