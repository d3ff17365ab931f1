package load

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/services/auth"
)

// Population is users in rooms on a server. It may be used for many runs with the same Rooms, Users and RoomsPerUser, one
// after the other.
type Population struct {
	target string
	tokens []string // by client
	rooms  []string // ids
	// fresh: the rooms are empty, and clients become members by naming them in hello. Only the bare server works so.
	fresh bool
}

const (
	// tokenTTL is longer than any run, so that tokens need no renewal.
	tokenTTL = 24 * time.Hour
	// joinsAtATime keeps the group commits of rooms and message-store busy.
	joinsAtATime = 32
	httpTimeout  = 30 * time.Second
)

// Natter makes users and rooms on a running Natter. The users are written to auth's store, of which cfg says where it is
// and with which key tokens are signed; rooms and members are made by the HTTP API, some hundred a second, so that they
// are as those of people. They stay: use a server whose data you can throw away.
func Natter(ctx context.Context, s Settings, cfg auth.Config, progress *Progress) (*Population, error) {
	if _, err := s.check(); err != nil {
		return nil, err
	}
	prefix := "load-" + randomHex()
	accounts := make([]auth.Account, s.connections())
	for i := range accounts {
		name := fmt.Sprintf("%s-%d", prefix, i)
		accounts[i] = auth.Account{Email: name + "@load.invalid", Username: name}
	}
	p := &Population{target: "natter", rooms: make([]string, s.Rooms)}
	var err error
	if p.tokens, err = auth.Provision(ctx, cfg, accounts, tokenTTL); err != nil {
		return nil, fmt.Errorf("make users: %w", err)
	}
	return p, p.join(ctx, s, prefix, progress)
}

// join makes the rooms, each by its first member, and lets the others join.
func (p *Population) join(ctx context.Context, s Settings, prefix string, progress *Progress) error {
	var done atomic.Int64
	bar := progress.start("joining rooms", s.Rooms*s.Users, done.Load)
	defer bar.stop()
	via := &http.Client{Timeout: httpTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: joinsAtATime}}
	defer via.CloseIdleConnections()
	each := func(first bool, do func(api *client.Client, room int) error) error {
		g, joining := errgroup.WithContext(ctx)
		g.SetLimit(joinsAtATime)
		created := make([]bool, s.Rooms)
		for n, token := range p.tokens {
			for _, room := range s.roomsOf(n) {
				creator := !created[room]
				created[room] = true
				if creator != first {
					continue
				}
				g.Go(func() error {
					if joining.Err() != nil {
						return context.Cause(joining)
					}
					api, err := client.New(s.Server, client.Options{HTTP: via, Token: client.StaticToken(token)})
					if err != nil {
						return err
					}
					done.Add(1)
					return do(api, room)
				})
			}
		}
		return g.Wait()
	}
	err := each(true, func(api *client.Client, room int) error {
		made, err := api.CreateRoom(ctx, fmt.Sprintf("%s-%d", prefix, room), "", false)
		p.rooms[room] = made.GetId()
		return err
	})
	if err == nil {
		err = each(false, func(api *client.Client, room int) error {
			_, err := api.JoinRoom(ctx, p.rooms[room])
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("make rooms: %w", err)
	}
	return nil
}

// Bare makes the users and rooms of the bare server, which believes everyone.
func Bare(s Settings) *Population {
	p := &Population{target: "bare", fresh: true}
	prefix := "load-" + randomHex()
	for i := range s.connections() {
		p.tokens = append(p.tokens, fmt.Sprintf("%s-%d", prefix, i))
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
		c := &connection{run: r, number: n, token: token, seats: map[string]*seat{}, onAck: func() {}, onEvent: func(*seat, stamp) {}}
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
