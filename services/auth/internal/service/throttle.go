package service

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// How often what can be guessed, or costs us much, may be tried. Three counters see an attempt:
//
//	pair     this address for this account    strict: a few wrong passwords, and then waits that double up to 15 min
//	account  all addresses for this account   soft: guessing from a thousand addresses gets one try a minute
//	address  this address for all accounts    soft: one password tried on many accounts
//
// So strangers cannot lock anybody out: what they do fills their own pair, and the two soft counters, which do not hold
// up an address that this account has signed in from in the last 30 days. An owner at a new address, while the account is
// under attack, competes for a try a minute; their sessions, single sign-on and a reset of the password go on. Somebody
// behind the same address as the owner can make the owner wait: there is nothing to tell them apart by.
//
// Attempts are counted whether or not there is such an account: a refusal tells nothing. IPv6 addresses count by their
// /64, which is what one customer has.

// knownFor is how long an address is known to an account after a sign-in.
const knownFor = 30 * 24 * time.Hour

// action is something that is throttled.
type action struct {
	name                   string
	pair, account, address store.Limit // a limit without Free does not exist
	// countsSuccess: an attempt counts although it was all right.
	countsSuccess bool
}

// The limits of those behind one address: offices, schools and mobile networks sign in by the dozen in the morning.
var (
	login = action{
		name:    "login",
		pair:    store.Limit{Free: 5, Wait: 2 * time.Second, Max: 15 * time.Minute, Forget: 12 * time.Hour},
		account: store.Limit{Free: 30, Wait: time.Second, Max: time.Minute, Forget: time.Hour},
		address: store.Limit{Free: 50, Wait: time.Second, Max: 5 * time.Minute, Forget: time.Hour},
	}
	// secondFactor is the code after the password: who gets here knows that, so nothing is soft. A third of a million
	// codes would take years.
	secondFactor = action{
		name:    "second factor",
		account: store.Limit{Free: 5, Wait: 2 * time.Second, Max: 15 * time.Minute, Forget: 12 * time.Hour},
	}
	register = action{
		name:          "register",
		account:       store.Limit{Free: 5, Wait: 10 * time.Second, Max: 10 * time.Minute, Forget: time.Hour},
		address:       store.Limit{Wait: 5 * time.Second, Max: 10 * time.Minute, Forget: 2 * time.Hour}, // Free is a setting
		countsSuccess: true,
	}
	// reset is a mail to somebody who may not have asked for it.
	reset = action{
		name:          "reset",
		account:       store.Limit{Free: 3, Wait: time.Minute, Max: time.Hour, Forget: 24 * time.Hour},
		address:       store.Limit{Free: 20, Wait: 10 * time.Second, Max: 10 * time.Minute, Forget: 2 * time.Hour},
		countsSuccess: true,
	}
	// refreshing: a token cannot be guessed, so this is about load. Clients refresh every few minutes; one that does all the
	// time has a bug.
	refreshing = action{
		name:          "refresh",
		account:       store.Limit{Free: 60, Wait: time.Second, Max: 30 * time.Second, Forget: time.Minute},
		countsSuccess: true,
	}
	// wrongRefresh counts the tokens that nobody has.
	wrongRefresh = action{
		name:    "wrong refresh",
		address: store.Limit{Free: 50, Wait: time.Second, Max: 5 * time.Minute, Forget: time.Hour},
	}
)

// attempt counts one attempt at a: by the client of ctx, on an account (whatever names it: an e-mail address, an id). The
// error is ResourceExhausted with RetryAfter when it comes too early. Otherwise the caller does the work and settles with
// what came of it: what was right or did not come to a verdict (an overload of ours) is taken back.
func (s *Service) attempt(ctx context.Context, a action, account string) (settle func(outcome error), err error) {
	counted := a.by(account, rpc.ClientOf(ctx).Address)
	known, err := s.store.CountAttempt(ctx, time.Now(), counted)
	if err != nil {
		if fault.CodeOf(err) == fault.ResourceExhausted {
			s.throttled.WithLabelValues(a.name).Inc()
		}
		return nil, err
	}
	if known {
		counted.Shared = nil
	}
	return func(outcome error) {
		var knownUntil time.Time
		switch fault.CodeOf(outcome) {
		case "":
			if a.countsSuccess {
				return
			}
			knownUntil = time.Now().Add(knownFor)
		case fault.Unavailable, fault.DeadlineExceeded, fault.Internal, fault.SecondFactorRequired, fault.EmailNotVerified:
		default:
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		defer cancel()
		if err := s.store.ForgiveAttempt(ctx, counted, knownUntil); err != nil {
			s.log.Warn("attempt not taken back", "action", a.name, "error", err)
		}
	}, nil
}

// settleTimeout bounds the time that taking an attempt back may take.
const settleTimeout = 5 * time.Second

// by is an attempt at a, counted by account and address. What is not known counts nowhere.
func (a action) by(account, address string) store.Attempt {
	network := networkOf(address)
	var counted store.Attempt
	if a.pair.Free > 0 && account != "" {
		counted.Own = a.pair
		counted.Own.Key = a.key("pair", account, network)
	}
	if a.account.Free > 0 && account != "" {
		l := a.account
		l.Key = a.key("account", account)
		counted.Shared = append(counted.Shared, l)
	}
	if a.address.Free > 0 && network != "" {
		l := a.address
		l.Key = a.key("address", network)
		counted.Shared = append(counted.Shared, l)
	}
	return counted
}

// key is the hash that a counter is found by.
func (a action) key(parts ...string) []byte {
	h := sha256.New()
	for _, part := range append([]string{a.name}, parts...) {
		h.Write([]byte(part))
		h.Write([]byte{0}) // names and networks have none; an account is followed by a network only
	}
	return h.Sum(nil)[:16] // collisions would cost somebody a wait, and 2⁶⁴ tries
}

// networkOf is what an address counts by; "" for none.
func networkOf(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	network, _ := addr.Prefix(bits) // fails for more bits than there are only
	return network.String()
}

// forgetAttempts removes counters that have no meaning any more.
func (s *Service) forgetAttempts(ctx context.Context) error {
	for {
		if n, err := s.store.ForgetAttempts(ctx, time.Now(), forgetAtOnce); err != nil || n < forgetAtOnce {
			return err
		}
	}
}
