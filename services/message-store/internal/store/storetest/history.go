package storetest

import (
	"reflect"
	"testing"

	"github.com/natter-chat/natter/services/message-store/internal/store"
)

func testEventsAt(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w := NewWriter()
	m := w.Post(0, "v1")
	w.Edit(0, m, "v2").Mentions = []store.Mention{{Kind: store.MentionHere, Length: 5}}
	w.Post(1, "between")
	w.Edit(0, m, "v3")
	w.Store(t, s)
	for _, tt := range []struct {
		seqs []uint32
		want []string
	}{{nil, nil}, {[]uint32{1, 2, 4}, []string{"v1", "v2", "v3"}}, {[]uint32{4, 99}, []string{"v3"}}, {[]uint32{3}, []string{"between"}}} {
		events := must(s.EventsAt(t.Context(), w.Room, tt.seqs))(t)
		var got []string
		for i, e := range events {
			got = append(got, e.Content)
			if e.Seq != tt.seqs[i] || len(e.Mentions) > 0 != (e.Seq == 2) {
				t.Errorf("%v: %+v", tt.seqs, e)
			}
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v: %q, want %q", tt.seqs, got, tt.want)
		}
	}
	w.Delete(0, m)
	w.Store(t, s)
	for _, e := range must(s.EventsAt(t.Context(), w.Room, []uint32{1, 2, 4}))(t) {
		if e.Content != "" || len(e.Mentions) > 0 || e.Deleted != (e.Seq == 1) {
			t.Errorf("after the deletion: %+v", e)
		}
	}
}
