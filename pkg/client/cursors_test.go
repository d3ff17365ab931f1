package client

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever order, repetition or loss the frames of a room arrive with, and however often the program lags, it is given
// 1, 2, 3, … and in the end all of them.
func TestCursorsDeliverTheLogInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const head = 30
		cs := cursors{}
		cs.listed(room, 0)
		cur := cs[room]
		var got []uint32
		offer := func(seq uint32, lag bool) {
			switch cur.see(seq) {
			case deliver:
				if cur.behind = lag; !lag {
					cur.seq = seq
					got = append(got, seq)
				}
			case resume:
				cs.start([]string{room})
			}
		}
		for range rapid.IntRange(0, 60).Draw(t, "frames") {
			offer(uint32(rapid.IntRange(1, head).Draw(t, "seq")), rapid.IntRange(0, 9).Draw(t, "lag") == 0)
		}
		// What the server does for a resume; then the program drains its queue.
		for range 2 {
			for seq := cur.seq + 1; seq <= head; seq++ {
				offer(seq, false)
			}
			cur.catchingUp = false
			cs.startBehind()
		}
		var want []uint32
		for seq := range uint32(head) {
			want = append(want, seq+1)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("delivered %v", got)
		}
	})
}
