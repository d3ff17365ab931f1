// Package usernames knows who has which username: the pipeline asks it who a message mentions. auth says, and it is
// remembered.
package usernames

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/lru"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/username"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/message-store/internal/mention"
)

const (
	// freshHit is how long it is believed who has a name. A rename is heard of at once; one that was lost counts after it.
	freshHit = time.Minute
	// freshMiss is how long it is believed that nobody has a name. Registrations are not announced.
	freshMiss = 10 * time.Second
	// patience is how long a message waits for auth.
	patience = 200 * time.Millisecond
	// leaveAlone is how long auth is not asked after it failed: until then messages do not wait.
	leaveAlone = time.Second
	// capacity bounds the memory, in bytes: about 15,000 names.
	capacity = 8 << 20
	// perName is about what an entry takes beside its key, in bytes.
	perName = 64
)

// Names is the memory. It is safe for concurrent use.
type Names struct {
	auth *rpc.Client
	log  *slog.Logger

	mu     sync.Mutex
	byKey  *lru.Cache[string, entry]
	byUser *lru.Cache[ids.User, string] // the key of the name that they were last seen with
	// changes counts renames: an answer of auth that was on its way when one came may be older than it.
	changes  int
	askAgain time.Time
}

type entry struct {
	user ids.User // zero: nobody has the name
	at   time.Time
}

// New returns a memory that asks auth through client. Follow makes it hear of renames.
func New(client *rpc.Client, log *slog.Logger) *Names {
	return &Names{auth: client, log: log, byKey: lru.New[string, entry](capacity / 2), byUser: lru.New[ids.User, string](capacity / 2)}
}

// Follow listens for renames until the connection ends.
func (n *Names) Follow(nc *nats.Conn) error {
	_, err := nc.Subscribe(subject.UsersChanged, func(msg *nats.Msg) {
		var changed busv1.ProfileChanged
		if err := proto.Unmarshal(msg.Data, &changed); err != nil {
			n.log.Warn("unreadable change of a user", "error", err)
			return
		}
		if id, err := ids.ParseUser(changed.GetUser().GetId()); err == nil {
			n.renamed(id, changed.GetUser().GetUsername())
		}
	})
	return err
}

// renamed takes the news that a user has this name, and no other.
func (n *Names) renamed(user ids.User, name string) {
	_, key, err := username.Parse(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.changes++
	if was, ok := n.byUser.Get(user); ok && was != key {
		n.byKey.Remove(was)
	}
	if err == nil { // else the account is deleted
		n.put(key, entry{user, time.Now()})
	}
}

// put remembers an entry. n.mu is held.
func (n *Names) put(key string, e entry) {
	n.byKey.Put(key, e, len(key)+perName)
	if !e.user.IsZero() {
		n.byUser.Put(e.user, key, len(key)+perName)
	}
}

// Known returns by key who has which of the names, from memory. complete: asking would bring nothing new.
func (n *Names) Known(names []mention.Reading) (users map[string]ids.User, complete bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	users, missing := n.known(names)
	return users, len(missing) == 0 || time.Now().Before(n.askAgain)
}

// known also returns the names that auth should be asked for. n.mu is held.
func (n *Names) known(names []mention.Reading) (users map[string]ids.User, missing []mention.Reading) {
	users = make(map[string]ids.User, len(names))
	now := time.Now()
	for _, name := range names {
		e, ok := n.byKey.Get(name.Key)
		fresh := freshHit
		if e.user.IsZero() {
			fresh = freshMiss
		} else {
			users[name.Key] = e.user // also an old one, if auth does not answer
		}
		if !ok || now.Sub(e.at) > fresh {
			missing = append(missing, name)
		}
	}
	return users, missing
}

// Find returns by key who has which of the names; at most 500. It asks auth for those that are not known, and returns after
// 200 ms at the latest, with what is known then.
func (n *Names) Find(ctx context.Context, names []mention.Reading) map[string]ids.User {
	n.mu.Lock()
	users, missing := n.known(names)
	began, changes, alone := time.Now(), n.changes, time.Now().Before(n.askAgain)
	n.mu.Unlock()
	if len(missing) == 0 || alone {
		return users
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := n.ask(ctx, missing)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil {
		n.askAgain = time.Now().Add(leaveAlone)
		n.log.WarnContext(ctx, "auth does not tell names; messages mention only those that are known", "error", err)
		return users
	}
	for i, name := range missing {
		if delete(users, name.Key); !found[i].IsZero() {
			users[name.Key] = found[i]
		}
		if n.changes == changes {
			n.put(name.Key, entry{found[i], began})
		}
	}
	return users
}

// Lookup returns who has a username; ok: somebody has. It asks auth if it does not know, and waits for it.
func (n *Names) Lookup(ctx context.Context, name string) (user ids.User, ok bool, err error) {
	text, key, err := username.Parse(name)
	if err != nil {
		return user, false, nil // nobody can have it
	}
	reading := []mention.Reading{{Name: text, Key: key}}
	if users, complete := n.fresh(reading); complete {
		return users[key], !users[key].IsZero(), nil
	}
	n.mu.Lock()
	began, changes := time.Now(), n.changes
	n.mu.Unlock()
	found, err := n.ask(ctx, reading)
	if err != nil {
		return user, false, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changes == changes {
		n.put(key, entry{found[0], began})
	}
	return found[0], !found[0].IsZero(), nil
}

// fresh returns what is known of the names; complete: auth would say the same.
func (n *Names) fresh(names []mention.Reading) (users map[string]ids.User, complete bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	users, missing := n.known(names)
	return users, len(missing) == 0
}

// ask returns who has each of the names.
func (n *Names) ask(ctx context.Context, names []mention.Reading) ([]ids.User, error) {
	req := &authv1.FindUsersRequest{}
	for _, name := range names {
		req.Usernames = append(req.Usernames, name.Name)
	}
	res, err := rpc.Call[*authv1.FindUsersResponse](ctx, n.auth, "auth", "FindUsers", req)
	if err != nil {
		return nil, err
	}
	if len(res.GetUsers()) != len(names) {
		return nil, fault.New(fault.Internal, "auth answered for other names than it was asked for")
	}
	users := make([]ids.User, len(names))
	for i, u := range res.GetUsers() {
		if u.GetId() == "" {
			continue
		}
		if users[i], err = ids.ParseUser(u.GetId()); err != nil {
			return nil, fault.E(fault.Internal, "usernames.ask", err)
		}
	}
	return users, nil
}
