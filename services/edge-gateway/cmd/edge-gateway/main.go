// Command edge-gateway runs the edge-gateway service alone.
package main

import (
	"github.com/natter-chat/natter/pkg/app"
	edgegateway "github.com/natter-chat/natter/services/edge-gateway"
)

func main() { app.Main("edge-gateway", edgegateway.Component) }
