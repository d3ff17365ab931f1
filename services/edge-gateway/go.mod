module github.com/natter-chat/natter/services/edge-gateway

go 1.26

require github.com/natter-chat/natter/proto v0.0.0
require github.com/natter-chat/natter/pkg v0.0.0

replace github.com/natter-chat/natter/proto => ../../proto
replace github.com/natter-chat/natter/pkg => ../../pkg
