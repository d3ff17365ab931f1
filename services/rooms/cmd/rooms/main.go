// Command rooms runs the service of rooms and membership alone. Its settings: rooms --help.
package main

import (
	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/services/rooms"
)

func main() { app.Main("rooms", rooms.Component) }
