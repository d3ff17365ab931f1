package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/cases"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/search"
	"github.com/natter-chat/natter/services/message-store/internal/search/query"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// maxSearchRooms is how many rooms one search looks into.
	maxSearchRooms = 1000
	// myself is the name by which people look for what they wrote.
	myself = "me"
)

// Search finds messages: a search.Searcher.
type Search interface {
	Search(ctx context.Context, f search.Filter, before search.At, limit int) (search.Page, error)
}

// Usernames knows who has which username: a usernames.Names.
type Usernames interface {
	Lookup(ctx context.Context, name string) (user ids.User, ok bool, err error)
}

// SearchMessages finds messages in the rooms that the caller is in now.
func (a *API) SearchMessages(ctx context.Context, req *storev1.SearchMessagesRequest) (*storev1.SearchMessagesResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	limit, err := pageSize(req.GetLimit())
	if err != nil {
		return nil, err
	}
	before, err := parsePlace(req.GetBefore())
	if err != nil {
		return nil, fault.Invalid("before", "is not the next of a page before")
	}
	f, err := a.filter(ctx, caller.User, req.GetQuery())
	if err != nil {
		if wrong, ok := errors.AsType[*query.Error](err); ok {
			return nil, fault.Invalid("query", "%v", wrong)
		}
		return nil, err
	}
	page, err := a.Search.Search(ctx, f, before, limit)
	if err != nil {
		return nil, err
	}
	return a.showPage(ctx, page)
}

// filter is a query in the rooms of a user. What is wrong with the query is a *query.Error.
func (a *API) filter(ctx context.Context, user ids.User, text string) (f search.Filter, err error) {
	q, err := query.Parse(text)
	if err != nil {
		return f, err
	}
	f = search.Filter{Terms: q.Terms, Has: q.Has, After: millis(q.After), Before: millis(q.Before)}
	names, err := a.Rooms.RoomNames(ctx, user)
	if err != nil {
		return f, err
	}
	if f.Rooms, err = roomsIn(names, q.In); err != nil {
		return f, err
	}
	if len(f.Rooms) > maxSearchRooms {
		return f, &query.Error{At: 1, What: fmt.Sprintf("you are in more than %d rooms: say which with in:", maxSearchRooms)}
	}
	for _, name := range q.From {
		author, err := a.author(ctx, user, name)
		if err != nil {
			return f, err
		}
		f.From = append(f.From, author)
	}
	return f, nil
}

// millis is a time as the store has it; 0: none. No message is as old as the times before 1970.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.UnixMilli(), 1)
}

// roomsIn are those of the rooms that have one of these names or ids; all, when none is named. Several rooms may have the
// same name.
func roomsIn(names map[ids.Room]string, in []query.Name) (rooms []ids.Room, err error) {
	wanted := map[ids.Room]bool{}
	for _, n := range in {
		found := false
		id, _ := ids.ParseRoom(n.Text)
		key := cases.Fold().String(n.Text)
		for room, name := range names {
			if room == id || name != "" && cases.Fold().String(name) == key {
				wanted[room], found = true, true
			}
		}
		if !found {
			return nil, &query.Error{At: n.At, What: fmt.Sprintf("you are in no room with the name or id %q", n.Text)}
		}
	}
	for room := range names {
		if len(in) == 0 || wanted[room] {
			rooms = append(rooms, room)
		}
	}
	return rooms, nil
}

// author is whom a from: names.
func (a *API) author(ctx context.Context, caller ids.User, n query.Name) (ids.User, error) {
	if strings.EqualFold(n.Text, myself) {
		return caller, nil
	}
	if id, err := ids.ParseUser(strings.ToLower(n.Text)); err == nil {
		return id, nil
	}
	user, ok, err := a.Usernames.Lookup(ctx, strings.TrimPrefix(n.Text, "@"))
	if err == nil && !ok {
		err = &query.Error{At: n.At, What: fmt.Sprintf("there is no user with the name or id %q", n.Text)}
	}
	return user, err
}

// showPage is an answer as people see it, as much as fits.
func (a *API) showPage(ctx context.Context, page search.Page) (*storev1.SearchMessagesResponse, error) {
	messages := make([]*store.Message, len(page.Hits))
	for i, h := range page.Hits {
		messages[i] = h.Message
	}
	shown, err := a.show(ctx, messages)
	if err != nil {
		return nil, err
	}
	res := &storev1.SearchMessagesResponse{Next: formatPlace(page.Next)}
	for i, m := range shown {
		hit := &storev1.SearchHit{Message: m}
		for _, h := range page.Hits[i].Highlights {
			hit.Highlights = append(hit.Highlights, &storev1.Highlight{Offset: h.Offset, Length: h.Length})
		}
		res.Hits = append(res.Hits, hit)
	}
	if n := fitting(res.GetHits()); n < len(res.GetHits()) {
		res.Hits, res.Next = res.GetHits()[:n], formatPlace(page.Hits[n-1].At())
	}
	return res, nil
}

// formatPlace is a place as clients hand it back: `<milliseconds>.<room>.<seq>`.
func formatPlace(at search.At) string {
	return formatThreadAt(store.ThreadAt{LastAt: at.CreatedAt, Ref: at.Ref})
}

func parsePlace(text string) (search.At, error) {
	t, err := parseThreadAt(text)
	return search.At{CreatedAt: t.LastAt, Ref: t.Ref}, err
}
