package auth_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	c, _, ann, nc := accountsServer(t, nil)
	ctx, is := as(t, c, ann)
	told, err := nc.SubscribeSync(subject.Presence(is.Caller.User))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	set := func(req *authv1.SetStatusRequest) error {
		_, err := call[*chatv1.Status](ctx, c, "SetStatus", req)
		return err
	}
	get := func() *chatv1.Status {
		t.Helper()
		status, err := call[*chatv1.Status](ctx, c, "GetStatus", &authv1.GetStatusRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	if got := get(); !proto.Equal(got, &chatv1.Status{}) {
		t.Errorf("at first: %v", got)
	}
	want(t, "too long", set(&authv1.SetStatusRequest{Text: strings.Repeat("ä", 101)}), fault.InvalidArgument, "text")
	want(t, "two lines", set(&authv1.SetStatusRequest{Text: "a\nb"}), fault.InvalidArgument, "text")
	want(t, "not an emoji", set(&authv1.SetStatusRequest{Emoji: "out to lunch"}), fault.InvalidArgument, "emoji")
	want(t, "a long emoji", set(&authv1.SetStatusRequest{Emoji: strings.Repeat("🥪", 9)}), fault.InvalidArgument, "emoji")
	want(t, "for ever and a day", set(&authv1.SetStatusRequest{ExpiresInSeconds: 367 * 24 * 3600}), fault.InvalidArgument, "expiresInSeconds")
	want(t, "set", set(&authv1.SetStatusRequest{Text: " " + strings.Repeat("ä", 100) + " ", Emoji: "👩‍👩‍👧‍👦", DoNotDisturb: true, ExpiresInSeconds: 3600}), "", "")
	status := get()
	if left := time.Until(status.GetExpiresAt().AsTime()); left < 59*time.Minute || left > time.Hour {
		t.Errorf("expires in %v", left)
	}
	if status.GetText() != strings.Repeat("ä", 100) || status.GetEmoji() != "👩‍👩‍👧‍👦" || !status.GetDoNotDisturb() {
		t.Errorf("got %v", status)
	}
	want(t, "nothing any more", set(&authv1.SetStatusRequest{}), "", "")
	if got := get(); !proto.Equal(got, &chatv1.Status{}) {
		t.Errorf("at last: %v", got)
	}
	for _, expected := range []*chatv1.Status{status, nil} {
		msg, err := told.NextMsg(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var change busv1.PresenceChanged
		if err := proto.Unmarshal(msg.Data, &change); err != nil || change.GetGatewayId() != "" || !proto.Equal(change.GetStatus(), expected) {
			t.Errorf("told %v (%v), want %v", &change, err, expected)
		}
	}
}

func TestSeen(t *testing.T) {
	t.Parallel()
	c, _, ann, _ := accountsServer(t, nil)
	ctx, is := as(t, c, ann)
	id := is.Caller.User.String()
	record := func(req *authv1.RecordSeenRequest) error {
		return try[*authv1.RecordSeenResponse](ctx, c, "RecordSeen", req)
	}
	list := func(users ...string) (*authv1.ListStandingsResponse, error) {
		return call[*authv1.ListStandingsResponse](ctx, c, "ListStandings", &authv1.ListStandingsRequest{UserIds: users})
	}
	want(t, "nobody", record(&authv1.RecordSeenRequest{Seen: []*authv1.Seen{{UserId: "ann"}}}), fault.InvalidArgument, "seen.userId")
	want(t, "too many", record(&authv1.RecordSeenRequest{Seen: make([]*authv1.Seen, 501)}), fault.InvalidArgument, "seen")
	// A gateway whose clock is ahead does not see people in the future.
	want(t, "seen", record(&authv1.RecordSeenRequest{Seen: []*authv1.Seen{{UserId: id, At: timestamppb.New(time.Now().Add(time.Hour))}}}), "", "")
	res, err := list(id, ids.New[ids.User]().String())
	if err != nil || len(res.GetStandings()) != 1 || res.GetStandings()[0].GetUserId() != id || res.GetStandings()[0].GetStatus() != nil {
		t.Fatalf("got %v, %v", res, err)
	}
	if ago := time.Since(res.GetStandings()[0].GetLastSeen().AsTime()); ago < 0 || ago > time.Minute {
		t.Errorf("seen %v ago", ago)
	}
	_, err = list("ann")
	want(t, "not an id", err, fault.InvalidArgument, "userIds")
	_, err = list(make([]string, 501)...)
	want(t, "too many", err, fault.InvalidArgument, "userIds")
}
