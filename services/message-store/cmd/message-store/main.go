// Command message-store runs the service of the rooms' logs.
package main

import (
	"github.com/natter-chat/natter/pkg/app"
	messagestore "github.com/natter-chat/natter/services/message-store"
)

func main() { app.Main("message-store", messagestore.Component) }
