package storetest

import (
	"errors"
	"reflect"
	"testing"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

func secondFactors(t *testing.T, s, other store.Store) {
	ctx := t.Context()
	ann, bob := mustSignUp(t, s, "Ann", user.Owner), mustSignUp(t, s, "Bob", user.Member)
	old, secret := []byte{0, 1, 0xff}, []byte{0, 2, 0xff}
	codes := [][]byte{[]byte("one"), []byte("two")}
	if _, err := s.SecondFactor(ctx, ann.ID); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("none: %v", err)
	}
	if err := errors.Join(s.OfferSecondFactor(ctx, ann.ID, ids.Session{}, old), other.OfferSecondFactor(ctx, ann.ID, ids.Session{}, secret)); err != nil {
		t.Fatal(err)
	}
	if err := s.ConfirmSecondFactor(ctx, ann.ID, old, 7, codes); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("confirm one that was replaced: %v", err)
	}
	if err := s.UseStep(ctx, ann.ID, 7); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a code before it is confirmed: %v", err)
	}
	if err := s.ConfirmSecondFactor(ctx, ann.ID, secret, 7, codes); err != nil {
		t.Fatal(err)
	}
	want := store.SecondFactor{Sealed: secret, IsConfirmed: true, LastStep: 7}
	if got, err := other.SecondFactor(ctx, ann.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if err := s.OfferSecondFactor(ctx, ann.ID, ids.Session{}, old); !errors.Is(err, store.ErrHasSecondFactor) {
		t.Errorf("another one: %v", err)
	}
	if err := s.ConfirmSecondFactor(ctx, ann.ID, secret, 8, nil); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("confirm again: %v", err)
	}
	for _, use := range []struct {
		step int64
		want fault.Code
	}{{7, fault.Conflict}, {6, fault.Conflict}, {8, ""}, {8, fault.Conflict}, {7, fault.Conflict}} {
		if err := other.UseStep(ctx, ann.ID, use.step); fault.CodeOf(err) != use.want {
			t.Errorf("step %d: %v, want %q", use.step, err, use.want)
		}
	}
	for _, use := range []struct {
		id   ids.User
		code string
		want fault.Code
	}{{bob.ID, "one", fault.NotFound}, {ann.ID, "none", fault.NotFound}, {ann.ID, "one", ""}, {ann.ID, "one", fault.NotFound}} {
		if err := s.UseRecoveryCode(ctx, use.id, []byte(use.code)); fault.CodeOf(err) != use.want {
			t.Errorf("code %q: %v, want %q", use.code, err, use.want)
		}
	}
	if err := s.SetRecoveryCodes(ctx, ann.ID, [][]byte{[]byte("three")}); err != nil {
		t.Error(err)
	}
	if err := s.UseRecoveryCode(ctx, ann.ID, []byte("two")); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a replaced code: %v", err)
	}
	if err := errors.Join(s.DropSecondFactor(ctx, ann.ID), s.DropSecondFactor(ctx, ann.ID)); err != nil {
		t.Error(err)
	}
	if err := s.UseRecoveryCode(ctx, ann.ID, []byte("three")); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a code of a dropped factor: %v", err)
	}
	if _, err := s.SecondFactor(ctx, ann.ID); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("dropped: %v", err)
	}
}

// codesWorkOnce also for many who use one at the same time.
func codesWorkOnce(t *testing.T, a, b store.Store) {
	ann := mustSignUp(t, a, "Ann", user.Owner)
	err := errors.Join(a.OfferSecondFactor(t.Context(), ann.ID, ids.Session{}, []byte("s")),
		a.ConfirmSecondFactor(t.Context(), ann.ID, []byte("s"), 1, [][]byte{[]byte("code")}))
	if err != nil {
		t.Fatal(err)
	}
	race(t, 12, []store.Store{a, b}, func(s store.Store, _ int) error {
		return lost(s.UseStep(t.Context(), ann.ID, 2), fault.Conflict)
	})
	race(t, 12, []store.Store{a, b}, func(s store.Store, _ int) error {
		return lost(s.UseRecoveryCode(t.Context(), ann.ID, []byte("code")), fault.NotFound)
	})
}
