module github.com/natter-chat/natter/services/auth

go 1.26.0

require github.com/natter-chat/natter/proto v0.0.0

require github.com/natter-chat/natter/pkg v0.0.0

require (
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/pgx/v5 v5.12.0 // indirect
	github.com/prometheus/client_golang v1.25.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/natter-chat/natter/proto => ../../proto

replace github.com/natter-chat/natter/pkg => ../../pkg
