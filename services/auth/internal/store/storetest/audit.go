package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

func auditEvents(t *testing.T, s, other store.Store) {
	ann, bob := ids.New[ids.User](), ids.New[ids.User]()
	at := time.UnixMilli(1_763_800_000_789).UTC()
	all := []audit.Event{
		{At: at, Kind: audit.LoginOK, User: ann, Actor: ann, Address: "2001:db8::1", Detail: "password"},
		{At: at, Kind: audit.LoginFailed, User: ann, Address: "192.0.2.1"},
		{At: at, Kind: audit.LoginFailed}, // nobody's, from nowhere
		{At: at.Add(-time.Hour), Kind: audit.LoginFailed, User: bob, Detail: "it's 'quoted' \u2028"},
		{At: at, Kind: audit.TokenCreated, User: bob, Actor: ann},
	}
	for _, e := range all {
		if err := s.AppendAudit(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		query store.AuditQuery
		want  []int // of all
	}{
		"all":              {store.AuditQuery{}, []int{4, 3, 2, 1, 0}}, // in the order of appending, whatever the clock says
		"a user":           {store.AuditQuery{User: ann}, []int{1, 0}},
		"a kind":           {store.AuditQuery{Kind: audit.LoginFailed}, []int{3, 2, 1}},
		"a user and kind":  {store.AuditQuery{User: bob, Kind: audit.LoginFailed}, []int{3}},
		"an unknown user":  {store.AuditQuery{User: ids.New[ids.User]()}, nil},
		"an unknown kind":  {store.AuditQuery{Kind: "none"}, nil},
		"before the first": {store.AuditQuery{Before: 1}, nil},
	} {
		for _, limit := range []int{1, 2, 100} {
			if got := pages(t, other, tc.query, limit); !reflect.DeepEqual(got, pick(all, tc.want)) {
				t.Errorf("%s, %d at a time: %+v\nwant %+v", name, limit, got, pick(all, tc.want))
			}
		}
	}
}

// pages reads all events of a query, a page at a time, and takes off their ids.
func pages(t *testing.T, s store.Store, q store.AuditQuery, limit int) (all []audit.Event) {
	t.Helper()
	q.Limit = limit
	for {
		page, err := s.AuditEvents(t.Context(), q)
		if err != nil || len(page) > limit {
			t.Fatalf("%d events, %v", len(page), err)
		}
		for _, e := range page {
			q.Before, e.ID = e.ID, 0
			all = append(all, e)
		}
		if len(page) < limit {
			return all
		}
	}
}

func pick(all []audit.Event, indexes []int) (some []audit.Event) {
	for _, i := range indexes {
		some = append(some, all[i])
	}
	return some
}

func auditOfManyAtOnce(t *testing.T, a, b store.Store) {
	var appending sync.WaitGroup
	for i := range 40 {
		appending.Go(func() {
			e := audit.Event{At: time.UnixMilli(1).UTC(), Kind: audit.LoginFailed, Detail: fmt.Sprintf("%02d", i)}
			if err := []store.Store{a, b}[i%2].AppendAudit(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
	appending.Wait()
	var details []string
	for _, e := range pages(t, a, store.AuditQuery{}, 7) {
		details = append(details, e.Detail)
	}
	slices.Sort(details)
	if details = slices.Compact(details); len(details) != 40 {
		t.Errorf("%d events of 40: %v", len(details), details)
	}
}

func forgetAudit(t *testing.T, s, other store.Store) {
	at := time.UnixMilli(1_763_800_000_000).UTC()
	for _, age := range []time.Duration{0, time.Hour, 3 * time.Hour, 2 * time.Hour, time.Millisecond} { // clocks are not in step
		if err := s.AppendAudit(t.Context(), audit.Event{At: at.Add(-age), Kind: audit.LoginOK, Detail: age.String()}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{2, 1, 0} {
		if n, err := other.ForgetAudit(t.Context(), at.Add(-time.Millisecond), 2); err != nil || n != want {
			t.Errorf("forgot %d, %v; want %d", n, err, want)
		}
	}
	if left := pages(t, s, store.AuditQuery{}, 10); len(left) != 2 || left[0].Detail != "1ms" || left[1].Detail != "0s" {
		t.Errorf("left %+v", left)
	}
}
