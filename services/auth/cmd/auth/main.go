// Command auth runs Natter's auth service alone; see README.md and `auth --help`.
package main

import (
	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/services/auth"
)

func main() { app.Main("auth", auth.Component) }
