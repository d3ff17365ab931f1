package feed

import chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"

// ring holds the last events of a room, densely numbered, so that a client that was away for a moment costs no read of
// the store. It is bounded in events and in bytes. Not safe for concurrent use.
type ring struct {
	frames   []*Frame // the oldest first
	first    uint32   // seq of frames[0]
	size     int      // sum of sizeOf
	maxCount int
	maxSize  int
}

// sizeOf estimates what a kept event costs: its texts and the structs around them.
func sizeOf(ev *chatv1.Event) int {
	const overhead, mention = 512, 128
	mentions := len(ev.GetMessage().GetMentions()) + len(ev.GetEdited().GetMentions())
	return overhead + mentions*mention + len(ev.GetMessage().GetContent()) + len(ev.GetMessage().GetFileUrl()) + len(ev.GetMessage().GetFile().GetName()) + len(ev.GetEdited().GetContent())
}

// push appends the event after the last one. A gap (after a reset of the feed) empties the ring first.
func (r *ring) push(seq uint32, f *Frame) {
	if len(r.frames) == 0 || seq != r.first+uint32(len(r.frames)) {
		r.frames, r.first, r.size = nil, seq, 0
	}
	r.frames = append(r.frames, f)
	r.size += sizeOf(f.event())
	for len(r.frames) > r.maxCount || (r.size > r.maxSize && len(r.frames) > 1) {
		r.size -= sizeOf(r.frames[0].event())
		r.frames[0] = nil // the array lives on until append moves it
		r.frames = r.frames[1:]
		r.first++
	}
}

// after returns the events above seq, and whether the ring reaches back that far. The caller must not change the slice.
func (r *ring) after(seq uint32) ([]*Frame, bool) {
	if len(r.frames) == 0 || seq+1 < r.first {
		return nil, false
	}
	i := int(seq + 1 - r.first)
	if i > len(r.frames) {
		return nil, false
	}
	return r.frames[i:], true
}

// blank takes the content of a deleted message, and of its edits, out of the ring.
func (r *ring) blank(target uint32) {
	for i, f := range r.frames {
		if r.first+uint32(i) == target || f.event().GetEdited().GetSeq() == target {
			r.size -= sizeOf(f.event())
			f.blank()
			r.size += sizeOf(f.event())
		}
	}
}

// blankAll takes the content of everything out of the ring, and out of the queues its frames are in.
func (r *ring) blankAll() {
	for _, f := range r.frames {
		f.blank()
	}
}
