// Package renames brings the new name or avatar of a user to those who have a room in common with them:
//
//	auth ─ natter.users.changed ─▶ one instance of rooms ─ natter.room.<room>.signal of each of the user's rooms ─▶ gateways ─▶ clients
//
// It may be lost: names are asked for again a minute later, and by clients when they come back.
package renames

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
)

const (
	// patience bounds the reading of one user's rooms.
	patience = 5 * time.Second
	// pageSize is how many rooms are read at a time.
	pageSize = 200
	// queue is the group of which one member tells the rooms.
	queue = "rooms"
)

// Store is the part of store.Store that knows who is where.
type Store interface {
	Memberships(ctx context.Context, user ids.User, after ids.Room, limit int) ([]room.Membership, error)
}

// Follow listens until nc is drained.
func Follow(nc *nats.Conn, store Store, log *slog.Logger) error {
	_, err := nc.QueueSubscribe(subject.UsersChanged, queue, func(msg *nats.Msg) {
		user, id, ok := parse(msg, log)
		if !ok {
			return
		}
		if err := tellRooms(nc, store, user, id); err != nil {
			log.Warn("a user's new name does not reach all of their rooms", "error", err)
		}
	})
	return err
}

func parse(msg *nats.Msg, log *slog.Logger) (*chatv1.UserRef, ids.User, bool) {
	var changed busv1.ProfileChanged
	err := proto.Unmarshal(msg.Data, &changed)
	if err == nil {
		var id ids.User
		if id, err = ids.ParseUser(changed.GetUser().GetId()); err == nil {
			return changed.GetUser(), id, true
		}
	}
	log.Error("unreadable change of a user", "error", err)
	return nil, ids.User{}, false
}

func tellRooms(nc *nats.Conn, store Store, user *chatv1.UserRef, id ids.User) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	data, err := proto.Marshal(&busv1.RoomSignal{UserId: user.GetId(), Signal: &busv1.RoomSignal_Profile{Profile: user}})
	if err != nil {
		return err
	}
	var after ids.Room
	for {
		page, err := store.Memberships(ctx, id, after, pageSize)
		if err != nil {
			return err
		}
		for _, m := range page {
			after = m.Room.ID
			if err := nc.Publish(subject.RoomSignal(after), data); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
	}
}
