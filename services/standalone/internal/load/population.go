package load

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/auth"
	"github.com/natter-chat/natter/services/rooms"
)

// Population is users in rooms on a server. It may be used for many runs with the same Rooms, Users and RoomsPerUser, one
// after the other.
type Population struct {
	target string
	tokens []string // by client
	users  []string // their ids
	rooms  []string // ids
	// fresh: the rooms are empty, and clients become members by naming them in hello. Only the bare server works so.
	fresh bool
}

// tokenTTL is longer than any run, so that tokens need no renewal.
const tokenTTL = 24 * time.Hour

// Stores are where a running Natter keeps users and rooms, and the key that it signs tokens with.
type Stores struct {
	Auth  auth.Config
	Rooms rooms.Config
}

// Natter makes users and rooms on a running Natter. They are written into its stores, some thousand memberships a second,
// and the server takes the memberships into the rooms' logs. They stay: use a server whose data you can throw away.
func Natter(ctx context.Context, s Settings, stores Stores, progress *Progress) (*Population, error) {
	if _, err := s.check(); err != nil {
		return nil, err
	}
	if err := s.EnoughFiles(ctx); err != nil { // before all the work
		return nil, err
	}
	prefix := "load-" + randomHex()
	accounts := make([]auth.Account, s.connections())
	for i := range accounts {
		name := fmt.Sprintf("%s-%d", prefix, i)
		accounts[i] = auth.Account{Email: name + "@load.invalid", Username: name}
	}
	made, err := auth.Provision(ctx, stores.Auth, accounts, tokenTTL)
	if err != nil {
		return nil, fmt.Errorf("make users: %w", err)
	}
	p := &Population{target: "natter"}
	list := make([]rooms.NewRoom, s.Rooms)
	for i := range list {
		list[i].Name = fmt.Sprintf("%s-%d", prefix, i)
	}
	for n, user := range made {
		p.tokens, p.users = append(p.tokens, user.Token), append(p.users, user.ID)
		for _, i := range s.roomsOf(n) {
			list[i].Members = append(list[i].Members, &chatv1.UserRef{Id: user.ID, Username: accounts[n].Username})
		}
	}
	var joined atomic.Int64
	bar := progress.start("joining rooms", s.Rooms*s.Users, joined.Load)
	defer bar.stop()
	if p.rooms, err = rooms.Provision(ctx, stores.Rooms, list, func(n int) { joined.Add(int64(n)) }); err != nil {
		return nil, fmt.Errorf("make rooms: %w", err)
	}
	return p, nil
}

// Bare makes the users and rooms of the bare server, which believes everyone.
func Bare(s Settings) *Population {
	p := &Population{target: "bare", fresh: true}
	prefix := "load-" + randomHex()
	for i := range s.connections() {
		p.tokens = append(p.tokens, fmt.Sprintf("%s-%d", prefix, i))
		p.users = append(p.users, p.tokens[i])
	}
	for range s.Rooms {
		p.rooms = append(p.rooms, uuid.NewString())
	}
	return p
}

// roomsOf are the rooms of the n-th client: every room gets equally many.
func (s Settings) roomsOf(n int) []int {
	list := make([]int, s.RoomsPerUser)
	for i := range list {
		list[i] = (n*s.RoomsPerUser + i) % s.Rooms
	}
	return list
}

// clients are the population's, not connected yet.
func (p *Population) clients(r *run) {
	for _, id := range p.rooms {
		r.rooms = append(r.rooms, &room{id: id})
	}
	for n, token := range p.tokens {
		c := &connection{run: r, number: n, token: token, user: p.users[n], seats: map[string]*seat{}, onAck: func() {}, onEvent: func(*seat, stamp) {}}
		for _, i := range r.roomsOf(n) {
			s := &seat{conn: c, room: r.rooms[i], known: p.fresh}
			c.seats[s.room.id] = s
			s.room.seats = append(s.room.seats, s)
		}
		r.clients = append(r.clients, c)
	}
}

func randomHex() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
