package search

import (
	"context"
	"slices"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/services/message-store/internal/search/query"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// least is how many messages the index is asked for at once: what it finds may no longer be so.
	least = 20
	// maxRounds bounds how often it is asked for one page.
	maxRounds = 10
	// maxSearches is how many searches there are at a time: a rush of them leaves the other questions to the service alone.
	maxSearches = 32
)

// Messages is what a searcher reads of the log.
type Messages interface {
	Targets(ctx context.Context, refs []store.Ref) (map[store.Ref]*store.Message, error)
}

// Searcher answers. It is safe for concurrent use.
type Searcher struct {
	index Index
	log   Messages
	slots chan struct{}
}

// NewSearcher returns a searcher.
func NewSearcher(index Index, log Messages) *Searcher {
	return &Searcher{index, log, make(chan struct{}, maxSearches)}
}

// Hit is a message that fits, as it is now, and where in its text.
type Hit struct {
	Message    *store.Message
	Highlights []query.Highlight
}

// At is the place of a hit in the answer.
func (h Hit) At() At {
	return At{h.Message.Event.CreatedAt, store.Ref{Room: h.Message.Event.Room, Seq: h.Message.Event.Seq}}
}

// Page is a part of an answer.
type Page struct {
	Hits []Hit
	// Next is where the next page begins; zero: there is none. A page may have fewer hits than it could, even none, and still
	// not be the last.
	Next At
}

// Search returns up to limit messages that fit, newest first, older than before. Rooms are those of f, whoever is in them:
// who may read them is for the caller to know. Unavailable: there are too many searches at once.
func (s *Searcher) Search(ctx context.Context, f Filter, before At, limit int) (page Page, err error) {
	select {
	case s.slots <- struct{}{}:
	default:
		return page, fault.New(fault.Unavailable, "too many searches at once; try again").WithRetryAfter(time.Second)
	}
	defer func() { <-s.slots }()
	for range maxRounds {
		most := max(limit+1-len(page.Hits), least)
		found, err := s.index.Find(ctx, f, before, most)
		if err != nil {
			return page, err
		}
		refs := make([]store.Ref, len(found))
		for i, at := range found {
			refs[i] = at.Ref
		}
		messages, err := s.log.Targets(ctx, refs)
		if err != nil {
			return page, err
		}
		for _, at := range found {
			places, ok := f.match(messages[at.Ref])
			if ok && len(page.Hits) == limit {
				page.Next = before
				return page, nil
			}
			if before = at; ok {
				page.Hits = append(page.Hits, Hit{messages[at.Ref], places})
			}
		}
		if len(found) < most {
			return page, nil
		}
	}
	page.Next = before
	return page, nil
}

// match reports whether a message fits as it is now, and where. The index may be older.
func (f *Filter) match(m *store.Message) (places []query.Highlight, ok bool) {
	if m == nil || m.DeletedSeq != 0 || !slices.Contains(f.Rooms, m.Event.Room) {
		return nil, false
	}
	if len(f.From) > 0 && !slices.Contains(f.From, m.Event.Actor.User) {
		return nil, false
	}
	if at := m.Event.CreatedAt; at < f.After || f.Before > 0 && at >= f.Before {
		return nil, false
	}
	has := having(m)
	for _, h := range f.Has {
		if !slices.Contains(has, h) {
			return nil, false
		}
	}
	return query.Match(f.Terms, m.Text())
}
