package keys

import (
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/natter-chat/natter/services/auth/internal/secret"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

func TestRotate(t *testing.T) {
	t.Parallel()
	secretKey, err := secret.Parse(base64.StdEncoding.EncodeToString(make([]byte, 32)), "")
	if err != nil {
		t.Fatal(err)
	}
	box, err := secretKey.Box(purpose)
	if err != nil {
		t.Fatal(err)
	}
	const every, day = 30 * 24 * time.Hour, 24 * time.Hour
	now := time.UnixMilli(1_763_800_000_123).UTC()
	// A key by the time for which it has signed; published keys do not sign yet.
	const published = time.Duration(-1 << 62)
	list := func(ages ...time.Duration) (keys []store.SigningKey) {
		for i, age := range ages {
			k := store.SigningKey{Generation: int64(len(ages) - i)}
			if age != published {
				k.SignsFrom = now.Add(-age)
			}
			keys = append(keys, k)
		}
		return keys
	}
	for name, test := range map[string]struct {
		keys       []store.SigningKey
		isSettled  bool
		every      time.Duration
		signs      int64   // the generation that signs then
		generation []int64 // all of them then
	}{
		"none yet":                       {nil, false, every, 1, []int64{1}},
		"young":                          {list(every - 1), true, every, 1, []int64{1}},
		"old":                            {list(every), true, every, 1, []int64{2, 1}},
		"old, but just seen":             {list(every), false, every, 1, []int64{1}},
		"old, but no rotation":           {list(1000 * day), true, 0, 1, []int64{1}},
		"published":                      {list(published, every), true, every, 2, []int64{2, 1}},
		"published, but just seen":       {list(published, every), false, every, 1, []int64{2, 1}},
		"published, no rotation":         {list(published, day), true, 0, 2, []int64{2, 1}},
		"just replaced":                  {list(time.Minute, every), true, every, 2, []int64{2, 1}},
		"replaced a day ago":             {list(day, every), true, every, 2, []int64{2, 1}},
		"replaced more than a day ago":   {list(25*time.Hour, every), true, every, 2, []int64{2}},
		"replaced, but just seen":        {list(25*time.Hour, every), false, every, 2, []int64{2, 1}},
		"old, with one before":           {list(every, 2*every), true, every, 2, []int64{3, 2}},
		"published, with two before":     {list(published, every, 2*every), true, every, 3, []int64{3, 2}},
		"many, quickly":                  {list(0, 10*time.Hour, 25*time.Hour, 40*time.Hour), true, 10 * time.Hour, 4, []int64{4, 3, 2}},
		"clock set back a little":        {list(-day), true, every, 1, []int64{1}},
		"clock set back by far":          {list(-every), true, every, 1, []int64{2, 1}},
		"clock set back after a change":  {list(-day, every), true, every, 2, []int64{2, 1}},
		"clock set forward by years":     {list(3000*day, 3001*day), true, every, 2, []int64{3, 2}},
		"clock set forward, just seen":   {list(3000*day, 3001*day), false, every, 2, []int64{2, 1}},
		"clock set forward, one to come": {list(published, 3000*day, 3001*day), true, every, 3, []int64{3, 2}},
	} {
		before := slices.Clone(test.keys)
		var generations []int64
		var signs int64
		for _, k := range rotate(test.keys, now, test.isSettled, test.every, box) {
			generations = append(generations, k.Generation)
			if !k.SignsFrom.IsZero() {
				signs = max(signs, k.Generation)
			}
		}
		if !slices.Equal(generations, test.generation) || signs != test.signs {
			t.Errorf("%s: %v, of which %d signs; want %v and %d", name, generations, signs, test.generation, test.signs)
		}
		for i, k := range before {
			if test.keys[i].SignsFrom != k.SignsFrom {
				t.Errorf("%s: it changed its argument", name)
			}
		}
	}
}
