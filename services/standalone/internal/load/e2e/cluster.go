package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
)

// cluster is the services as processes of their own over one NATS server: auth, rooms, two message-stores, two gateways.
// They share the SQLite files of the one process, so what is stored, and how, is the same.
type cluster []*server

func newCluster(bin, dataDir, secretKey string) (cluster, error) {
	addrs, err := freeAddrs(9)
	if err != nil {
		return nil, err
	}
	take := func() (addr string) {
		addr, addrs = addrs[0], addrs[1:]
		return addr
	}
	bus := take()
	c := cluster{{name: "nats", path: filepath.Join(bin, "nats"), args: []string{bus}, listen: bus}}
	for _, name := range []string{"auth", "rooms", "message-store", "message-store", "edge-gateway", "edge-gateway"} {
		s := &server{name: name, path: filepath.Join(bin, name), admin: take()}
		s.env = append([]string{
			"NATTER_DATA_DIR=" + dataDir, "NATTER_SECRET_KEY=" + secretKey, "NATTER_NATS_URL=nats://" + bus, "NATTER_ADMIN_ADDR=" + s.admin,
		}, unlimited...)
		if name == "edge-gateway" {
			s.http = take()
			s.env = append(s.env, "NATTER_HTTP_ADDR="+s.http)
		}
		c = append(c, s)
	}
	return c, nil
}

// start implements target.
func (c cluster) start(ctx context.Context) error {
	for _, s := range c {
		if err := s.start(ctx); err != nil {
			return fmt.Errorf("cluster: %w", err)
		}
	}
	return nil
}

// stop ends the processes, those first that were started last.
func (c cluster) stop() {
	for _, s := range slices.Backward(c) {
		s.stop()
	}
}

func (c cluster) urls() (all []string) {
	for _, s := range c {
		all = append(all, s.urls()...)
	}
	return all
}

func (c cluster) admins() (all []string) {
	for _, s := range c {
		all = append(all, s.admins()...)
	}
	return all
}
