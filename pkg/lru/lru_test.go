package lru

import "testing"

func TestForgetsTheLongestUnused(t *testing.T) {
	t.Parallel()
	const size = 100
	c := New[string, int](3 * (size + overhead))
	for i, key := range []string{"a", "b", "c"} {
		c.Put(key, i, size)
	}
	if _, ok := c.Get("a"); !ok {
		t.Error("a is forgotten before anything had to be")
	}
	c.Put("d", 3, size)
	c.Put("c", 4, size) // again: takes no more room
	for key, want := range map[string]int{"a": 0, "b": -1, "c": 4, "d": 3} {
		if got, ok := c.Get(key); ok != (want >= 0) || ok && got != want {
			t.Errorf("%s is %d, %t; want %d", key, got, ok, want)
		}
	}
	c.Put("large", 5, 3*size+2*overhead)
	if _, ok := c.Get("large"); !ok || len(c.items) != 1 {
		t.Errorf("%d entries, large among them: %t; want it alone", len(c.items), ok)
	}
	c.Put("too large", 6, 4*(size+overhead))
	if len(c.items) != 0 || c.used != 0 || c.order.Len() != 0 {
		t.Errorf("%d entries of %d bytes after one that cannot fit", len(c.items), c.used)
	}
}

func TestRemoveAndClear(t *testing.T) {
	t.Parallel()
	c := New[int, int](1 << 20)
	for i := range 10 {
		c.Put(i, i, i)
	}
	c.Remove(3)
	c.Remove(3)
	if _, ok := c.Get(3); ok || len(c.items) != 9 {
		t.Errorf("%d entries, 3 among them: %t", len(c.items), ok)
	}
	c.Clear()
	if _, ok := c.Get(4); ok || c.used != 0 || c.order.Len() != 0 {
		t.Errorf("%d bytes after Clear", c.used)
	}
	c.Put(1, 1, 1)
	if _, ok := c.Get(1); !ok {
		t.Error("nothing is remembered after Clear")
	}
}
