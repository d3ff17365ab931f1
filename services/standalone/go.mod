module github.com/natter-chat/natter/services/standalone

go 1.26

require github.com/natter-chat/natter/proto v0.0.0
require github.com/natter-chat/natter/pkg v0.0.0
require github.com/natter-chat/natter/services/auth v0.0.0
require github.com/natter-chat/natter/services/rooms v0.0.0
require github.com/natter-chat/natter/services/message-store v0.0.0
require github.com/natter-chat/natter/services/edge-gateway v0.0.0

replace github.com/natter-chat/natter/proto => ../../proto
replace github.com/natter-chat/natter/pkg => ../../pkg
replace github.com/natter-chat/natter/services/auth => ../../services/auth
replace github.com/natter-chat/natter/services/rooms => ../../services/rooms
replace github.com/natter-chat/natter/services/message-store => ../../services/message-store
replace github.com/natter-chat/natter/services/edge-gateway => ../../services/edge-gateway
