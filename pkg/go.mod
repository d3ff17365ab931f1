module github.com/natter-chat/natter/pkg

go 1.26

require github.com/natter-chat/natter/proto v0.0.0

require github.com/google/uuid v1.6.0 // indirect

replace github.com/natter-chat/natter/proto => ../proto
