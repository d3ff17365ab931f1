module github.com/natter-chat/natter/services/web

go 1.26.0
