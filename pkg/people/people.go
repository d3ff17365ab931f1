// Package people knows the names and avatars of users as they are today. Services keep ids, and ask auth through it.
package people

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

const (
	// freshness is how old a name may be. A rename is heard of at once; when that is lost, it is seen after this time.
	freshness = time.Minute
	// capacity is how many names are kept; with avatars a few MiB.
	capacity = 20_000
	// maxAsk is how many users auth takes in one call.
	maxAsk = 500
	// patience is how long a reading request waits for names, and how long auth is left alone after it failed.
	patience = time.Second
)

// Directory looks users up. It is safe for concurrent use.
type Directory struct {
	auth  *rpc.Client
	log   *slog.Logger
	known *lru.Cache[ids.User, entry]
	began time.Time
	// askAgain is when auth may be asked after a failure, as the time since began: a clock that is set does not move it.
	askAgain atomic.Int64
}

type entry struct {
	user *chatv1.UserRef // nil: there is no such user
	at   time.Time
}

// New returns a directory that asks auth through client. Follow makes it hear of renames.
func New(client *rpc.Client, log *slog.Logger) (*Directory, error) {
	known, err := lru.New[ids.User, entry](capacity)
	if err != nil {
		return nil, err
	}
	return &Directory{auth: client, log: log, known: known, began: time.Now()}, nil
}

// Names returns who the users are, each one of them; the name of one who is unknown is empty. Reading goes on without
// auth: then old names are returned, or empty ones.
func (d *Directory) Names(ctx context.Context, users []ids.User) map[ids.User]*chatv1.UserRef {
	refs := make(map[ids.User]*chatv1.UserRef, len(users))
	var ask []ids.User
	for _, id := range users {
		if _, ok := refs[id]; ok {
			continue
		}
		refs[id] = &chatv1.UserRef{Id: id.String()}
		e, ok := d.known.Get(id)
		if e.user != nil {
			refs[id] = e.user
		}
		if !ok || time.Since(e.at) > freshness {
			ask = append(ask, id)
		}
	}
	if len(ask) == 0 || time.Since(d.began) < time.Duration(d.askAgain.Load()) {
		return refs
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for chunk := range slices.Chunk(ask, maxAsk) {
		found, _, err := d.ask(ctx, chunk)
		if err != nil {
			d.askAgain.Store(int64(time.Since(d.began) + patience))
			d.log.Warn("auth does not tell names; answering without", "error", err)
			break
		}
		maps.Copy(refs, found)
	}
	return refs
}

// User returns a user who exists: NotFound if there is none, Unavailable when auth cannot say.
func (d *Directory) User(ctx context.Context, id ids.User) (*chatv1.UserRef, error) {
	if e, ok := d.known.Get(id); ok && e.user != nil && time.Since(e.at) <= freshness {
		return e.user, nil
	}
	found, _, err := d.ask(ctx, []ids.User{id})
	if err != nil {
		return nil, err
	}
	if found[id] == nil {
		return nil, fault.New(fault.NotFound, "there is no such user")
	}
	return found[id], nil
}

// Active returns those of the users, at most 500, who can take part in something: they exist, and their accounts are not
// closed. It asks auth, always; Unavailable when auth cannot say.
func (d *Directory) Active(ctx context.Context, users []ids.User) (map[ids.User]*chatv1.UserRef, error) {
	found, closed, err := d.ask(ctx, users)
	for _, id := range closed {
		delete(found, id)
	}
	return found, err
}

// Follow hears of new names and avatars until nc is drained.
func (d *Directory) Follow(nc *nats.Conn) error {
	_, err := nc.Subscribe(subject.UsersChanged, func(msg *nats.Msg) {
		var changed busv1.ProfileChanged
		err := proto.Unmarshal(msg.Data, &changed)
		if err == nil {
			err = d.learn(changed.GetUser())
		}
		if err != nil {
			d.log.Error("unreadable change of a user", "error", err)
		}
	})
	return err
}

// learn takes in that a user has another name or avatar.
func (d *Directory) learn(user *chatv1.UserRef) error {
	id, err := ids.ParseUser(user.GetId())
	if err == nil {
		d.known.Add(id, entry{user: user, at: time.Now()})
	}
	return err
}

// ask returns those of the users that exist, and which of them have closed accounts; it remembers all names.
func (d *Directory) ask(ctx context.Context, users []ids.User) (found map[ids.User]*chatv1.UserRef, closed []ids.User, err error) {
	req := &authv1.GetUsersRequest{}
	for _, id := range users {
		req.UserIds = append(req.UserIds, id.String())
	}
	res, err := rpc.Call[*authv1.GetUsersResponse](ctx, d.auth, "auth", "GetUsers", req)
	if err != nil {
		return nil, nil, err
	}
	found = make(map[ids.User]*chatv1.UserRef, len(users))
	for _, ref := range res.GetUsers() {
		id, err := ids.ParseUser(ref.GetId())
		if err != nil {
			return nil, nil, fault.E(fault.Internal, "people.ask", err)
		}
		found[id] = ref
		if slices.Contains(res.GetClosedIds(), ref.GetId()) {
			closed = append(closed, id)
		}
	}
	now := time.Now()
	for _, id := range users {
		d.known.Add(id, entry{user: found[id], at: now})
	}
	return found, closed, nil
}
