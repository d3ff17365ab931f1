package session

import (
	"testing"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// TestScopesOfFrames: what an API token to read may send is all that changes nothing.
func TestScopesOfFrames(t *testing.T) {
	t.Parallel()
	reads := map[string]bool{"hello": true, "resume": true, "watch": true, "away": true, "fetch": true, "ping": true}
	fields := (&clientv1.ClientFrame{}).ProtoReflect().Descriptor().Oneofs().ByName("frame").Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		f := &clientv1.ClientFrame{}
		f.ProtoReflect().Set(field, f.ProtoReflect().NewField(field))
		for _, tc := range []struct {
			identity authn.Identity
			allowed  bool
		}{
			{authn.Identity{}, true},
			{authn.Identity{IsAPIToken: true, Scopes: []string{authn.ScopeRead, authn.ScopeWrite}}, true},
			{authn.Identity{IsAPIToken: true, Scopes: []string{authn.ScopeRead, authn.ScopeAdmin}}, reads[string(field.Name())]},
		} {
			err := (&session{identity: tc.identity}).checkScope(f)
			if (err == nil) != tc.allowed || err != nil && fault.CodeOf(err) != fault.PermissionDenied {
				t.Errorf("%s with %v: %v", field.Name(), tc.identity.Scopes, err)
			}
		}
	}
}
