package batch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// held is calls that wait to be let go.
type held struct {
	mu      sync.Mutex
	batches [][]int
	answer  int // how many of a batch are answered; 0: all
	err     error
	release chan struct{}
}

func (h *held) call(_ context.Context, batch []int) ([]int, error) {
	h.mu.Lock()
	h.batches = append(h.batches, batch)
	h.mu.Unlock()
	<-h.release
	var squares []int
	for _, n := range batch {
		squares = append(squares, n*n)
	}
	if h.answer > 0 {
		squares = squares[:min(h.answer, len(squares))]
	}
	return squares, h.err
}

func one(int) int { return 1 }

// ask asks for the squares of numbers, one after the other as far as the group sees it.
func ask(t *testing.T, g *Group[int, int], numbers ...int) (answered *sync.WaitGroup) {
	t.Helper()
	answered = &sync.WaitGroup{}
	for _, n := range numbers {
		answered.Go(func() {
			if got, err := g.Do(t.Context(), n); err != nil || got != n*n {
				t.Errorf("%d² is %d, %v", n, got, err)
			}
		})
		synctest.Wait()
	}
	return answered
}

func TestWhatWaitsGoesTogether(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer int
		want   [][]int
	}{
		"answered whole":   {0, [][]int{{1}, {2, 3, 4, 5}, {6, 7, 8}}},
		"answered in part": {3, [][]int{{1}, {2, 3, 4, 5}, {5, 6, 7, 8}, {8}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &held{release: make(chan struct{}), answer: tc.answer}
				answered := ask(t, New(1, 4, one, h.call), 1, 2, 3, 4, 5, 6, 7, 8)
				close(h.release)
				answered.Wait()
				if !slices.EqualFunc(h.batches, tc.want, slices.Equal) {
					t.Errorf("called with %v, want %v", h.batches, tc.want)
				}
			})
		})
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &held{release: make(chan struct{})}
		answered := ask(t, New(1, 10, func(n int) int { return n }, h.call), 12, 4, 6, 1, 99, 3)
		close(h.release)
		answered.Wait()
		if want := [][]int{{12}, {4, 6}, {1}, {99}, {3}}; !slices.EqualFunc(h.batches, want, slices.Equal) {
			t.Errorf("called with %v, want %v", h.batches, want)
		}
	})
}

func TestCallsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &held{release: make(chan struct{})}
		answered := ask(t, New(2, 4, one, h.call), 1, 2, 3, 4)
		if len(h.batches) != 2 {
			t.Errorf("%v are called at a time", h.batches)
		}
		close(h.release)
		answered.Wait()
	})
}

func TestErrorIsForAllOfTheBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &held{release: make(chan struct{})}
		g := New(1, 10, one, h.call)
		first := ask(t, g, 1)
		away := errors.New("away")
		var failed sync.WaitGroup
		for n := range 3 {
			failed.Go(func() {
				if _, err := g.Do(t.Context(), n); !errors.Is(err, away) {
					t.Errorf("%d: %v", n, err)
				}
			})
		}
		synctest.Wait()
		h.release <- struct{}{}
		first.Wait()
		synctest.Wait()
		h.err = away
		h.release <- struct{}{}
		failed.Wait()
	})
}

// Who gives up is not called for; whose call it is goes on for the others.
func TestGivingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &held{release: make(chan struct{})}
		g := New(1, 10, one, h.call)
		first := ask(t, g, 1)
		ctx, cancel := context.WithCancel(t.Context())
		var gone sync.WaitGroup
		gone.Go(func() {
			if _, err := g.Do(ctx, 2); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		synctest.Wait()
		third := ask(t, g, 3)
		cancel()
		gone.Wait()
		h.release <- struct{}{}
		first.Wait()
		h.release <- struct{}{}
		third.Wait()
		if want := [][]int{{1}, {3}}; !slices.EqualFunc(h.batches, want, slices.Equal) {
			t.Errorf("called with %v, want %v", h.batches, want)
		}

		ctx, cancel = context.WithCancel(t.Context())
		gone.Go(func() {
			if got, err := g.Do(ctx, 4); err == nil && got != 16 {
				t.Error(got)
			}
		})
		synctest.Wait()
		cancel()
		last := ask(t, g, 5)
		h.release <- struct{}{}
		gone.Wait()
		h.release <- struct{}{}
		last.Wait()
	})
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	g := New(3, 7, one, func(_ context.Context, batch []int) ([]int, error) {
		if len(batch) == 0 || len(batch) > 7 {
			t.Errorf("a batch of %d", len(batch))
		}
		return slices.Clone(batch[:(len(batch)+1)/2]), nil
	})
	var all sync.WaitGroup
	for n := range 2000 {
		all.Go(func() {
			if got, err := g.Do(t.Context(), n); err != nil || got != n {
				t.Errorf("%d: %d, %v", n, got, err)
			}
		})
	}
	all.Wait()
}
