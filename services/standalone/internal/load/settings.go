package load

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Settings are the choices of one run.
type Settings struct {
	Profile string
	// Servers are where the clients connect, in turn: http:// and an address.
	Servers []string
	// Admin are the admin addresses of the server's processes, for their CPU and memory, or pid: and the id of a process of
	// this machine that has none; none: not measured.
	Admin []string
	JSON  bool // the protocol in JSON instead of protobuf

	Rooms, Users int           // rooms, and members of each
	RoomsPerUser int           // each user is in this many of the rooms; users are then shared among rooms
	Duration     time.Duration // of the measurement
	WarmUp       time.Duration // before it
	Settle       time.Duration // idle: between the last connection and the measurement
	Senders      int           // fanout: in each room
	Window       int           // fanout: messages that a sender keeps in flight
	Rate         float64       // fanout: deliveries a second altogether, 0: as fast as the window goes; chat: messages a second
	Size         int           // content of a message in bytes
	Dials        int           // handshakes at a time
}

// Defaults are the settings of a profile.
func Defaults(p Profile) Settings {
	return Settings{
		Profile: p.Name, Servers: []string{"http://localhost:8080"}, Admin: []string{"127.0.0.1:8081"},
		Rooms: p.Rooms, Users: p.Users, RoomsPerUser: 1, Duration: 10 * time.Second, WarmUp: 2 * time.Second, Settle: 10 * time.Second,
		Senders: 1, Window: 4, Size: 128, Dials: 256,
	}
}

// Check returns what is wrong with the settings.
func (s Settings) Check() error {
	_, err := s.check()
	return err
}

func (s Settings) check() (Profile, error) {
	all := Profiles()
	i := slices.IndexFunc(all, func(p Profile) bool { return p.Name == s.Profile })
	if i < 0 {
		return Profile{}, fmt.Errorf("there is no profile %q; `natter load --help` lists them", s.Profile)
	}
	if len(s.Servers) == 0 {
		return Profile{}, errors.New("name a server")
	}
	for name, v := range map[string]int{
		"--rooms": s.Rooms, "--users": s.Users, "--rooms-per-user": s.RoomsPerUser, "--window": s.Window, "--senders": s.Senders, "--dials": s.Dials,
	} {
		if v < 1 {
			return Profile{}, fmt.Errorf("%s must be at least 1", name)
		}
	}
	switch {
	case s.Senders > s.Users:
		return Profile{}, fmt.Errorf("--senders %d: a room has only %d users", s.Senders, s.Users)
	case s.RoomsPerUser > s.Rooms:
		return Profile{}, fmt.Errorf("--rooms-per-user %d: there are only %d rooms", s.RoomsPerUser, s.Rooms)
	case s.Rooms*s.Users%s.RoomsPerUser != 0:
		return Profile{}, errors.New("--rooms times --users must be a multiple of --rooms-per-user")
	case s.Size < stampLen:
		return Profile{}, fmt.Errorf("--size must be at least %d: a message carries when it was sent", stampLen)
	case s.Duration <= 0 || s.WarmUp < 0 || s.Settle < 0 || s.Rate < 0:
		return Profile{}, errors.New("--duration must be positive, and no time or rate negative")
	}
	return all[i], nil
}

// connections is how many clients there are: each of the rooms' seats belongs to one, who has RoomsPerUser of them.
func (s Settings) connections() int { return s.Rooms * s.Users / s.RoomsPerUser }

func (s Settings) encoding() encoding {
	if s.JSON {
		return jsonEncoding
	}
	return protoEncoding
}
