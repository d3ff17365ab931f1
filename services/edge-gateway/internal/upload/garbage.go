package upload

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

// garbagePage is how many files are removed between two questions.
const garbagePage = 100

// collect removes garbage every now and then, until ctx ends. Several gateways may do so at once.
func (s *Service) collect(ctx context.Context) {
	for {
		// Not all of them at the same time: from half to one and a half of the setting.
		pause := s.cfg.Sweep/2 + rand.N(s.cfg.Sweep)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if err := s.Collect(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("files that are deleted were not removed; trying again later", "error", err)
		}
	}
}

// Collect removes the bytes of all garbage that there is.
func (s *Service) Collect(ctx context.Context) error {
	for {
		page := &storev1.ListGarbageResponse{}
		if err := s.call(ctx, "ListGarbage", &storev1.ListGarbageRequest{Limit: garbagePage}, page); err != nil {
			return err
		}
		if len(page.GetFileIds()) == 0 {
			return nil
		}
		for _, text := range page.GetFileIds() {
			id, err := ids.ParseFile(text)
			if err != nil {
				return fault.E(fault.Internal, "upload.Collect", err)
			}
			if err := s.deleteBlobs(ctx, id); err != nil {
				return err
			}
		}
		if err := s.call(ctx, "ForgetFiles", &storev1.ForgetFilesRequest{FileIds: page.GetFileIds()}, &storev1.ForgetFilesResponse{}); err != nil {
			return err
		}
	}
}
