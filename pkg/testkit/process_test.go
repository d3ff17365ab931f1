package testkit_test

import (
	"net"
	"net/url"
	"testing"

	"github.com/natter-chat/natter/pkg/testkit"
)

func TestServersListen(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) string{"nats": testkit.NATS, "mongo": testkit.Mongo} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first string
			t.Run("runs", func(t *testing.T) {
				u, err := url.Parse(start(t))
				if err != nil {
					t.Fatal(err)
				}
				first = u.Host
				c, err := net.Dial("tcp", u.Host)
				if err != nil {
					t.Fatal(err)
				}
				_ = c.Close()
			})
			if c, err := net.Dial("tcp", first); err == nil && (name != "mongo" || !testkit.RealMongo()) {
				_ = c.Close()
				t.Errorf("%s outlives its test", name)
			}
		})
	}
}
