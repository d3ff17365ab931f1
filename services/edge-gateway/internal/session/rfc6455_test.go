package session

import (
	"encoding/binary"
	"net/http"
	"strings"
	"testing"

	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"
)

func TestHandshake(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) { c.Origins = []string{"chat.example.org", "https://*.example.net"} })
	const line, host = "GET / HTTP/1.1\r\n", "Host: gateway.example\r\n"
	without := func(header string) string {
		return strings.ReplaceAll(handshake, strings.SplitAfter(handshake[strings.Index(handshake, header):], "\r\n")[0], "")
	}
	for name, tt := range map[string]struct {
		request string
		status  int
	}{
		"a good one":                {line + host + handshake, http.StatusSwitchingProtocols},
		"in another case":           {line + host + strings.ReplaceAll(strings.ToLower(handshake), "dghlihnhbxbszsbub25jzq", "dGhlIHNhbXBsZSBub25jZQ"), http.StatusSwitchingProtocols},
		"more connection options":   {line + host + strings.Replace(handshake, ": Upgrade", ": keep-alive, Upgrade", 1), http.StatusSwitchingProtocols},
		"HTTP/1.0":                  {"GET / HTTP/1.0\r\n" + host + handshake, http.StatusUpgradeRequired},
		"no host":                   {line + handshake, http.StatusBadRequest},
		"another method":            {"POST / HTTP/1.1\r\nContent-Length: 0\r\n" + host + handshake, http.StatusMethodNotAllowed},
		"no upgrade":                {line + host + without("Upgrade:"), http.StatusUpgradeRequired},
		"no connection":             {line + host + without("Connection:"), http.StatusUpgradeRequired},
		"no version":                {line + host + without("Sec-WebSocket-Version:"), http.StatusBadRequest},
		"an old version":            {line + host + strings.Replace(handshake, ": 13", ": 8", 1), http.StatusBadRequest},
		"no key":                    {line + host + without("Sec-WebSocket-Key:"), http.StatusBadRequest},
		"a short key":               {line + host + strings.Replace(handshake, "dGhl", "", 1), http.StatusBadRequest},
		"two keys":                  {line + host + handshake + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", http.StatusBadRequest},
		"the same origin":           {line + host + handshake + "Origin: https://gateway.example\r\n", http.StatusSwitchingProtocols},
		"an allowed origin":         {line + host + handshake + "Origin: http://chat.example.org\r\n", http.StatusSwitchingProtocols},
		"an allowed scheme":         {line + host + handshake + "Origin: https://a.example.net\r\n", http.StatusSwitchingProtocols},
		"another scheme":            {line + host + handshake + "Origin: http://a.example.net\r\n", http.StatusForbidden},
		"a foreign origin":          {line + host + handshake + "Origin: https://evil.example\r\n", http.StatusForbidden},
		"one that ends like ours":   {line + host + handshake + "Origin: https://evilgateway.example\r\n", http.StatusForbidden},
		"one on another port":       {line + host + handshake + "Origin: https://gateway.example:8443\r\n", http.StatusForbidden},
		"an opaque origin":          {line + host + handshake + "Origin: null\r\n", http.StatusForbidden},
		"an origin that is no URL":  {line + host + handshake + "Origin: ://\r\n", http.StatusForbidden},
		"an extension we know not":  {line + host + handshake + "Sec-WebSocket-Extensions: x-made-up; a=1\r\n", http.StatusSwitchingProtocols},
		"an extension that is off":  {line + host + handshake + "Sec-WebSocket-Extensions: permessage-deflate\r\n", http.StatusSwitchingProtocols},
		"a subprotocol we know not": {line + host + handshake + "Sec-WebSocket-Protocol: mqtt\r\n", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, res := g.request(t, tt.request+"\r\n")
			if res.StatusCode != tt.status {
				t.Errorf("%s, want %d", res.Status, tt.status)
			}
			h := res.Header
			if res.StatusCode == http.StatusSwitchingProtocols &&
				(h.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || h.Get("Upgrade") != "websocket" || h.Get("Connection") != "Upgrade") {
				t.Errorf("the answer has %v", h)
			}
			if strings.Contains(name, "version") && h.Get("Sec-Websocket-Version") != "13" { // section 4.4
				t.Errorf("the answer does not tell the version: %v", h)
			}
			if h["Sec-Websocket-Extensions"] != nil || h["Sec-Websocket-Protocol"] != nil { // what nobody agreed on fails the client
				t.Errorf("the answer has %v", h)
			}
		})
	}
}

func TestSubprotocols(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	const name = "Sec-WebSocket-Protocol: "
	for lines, want := range map[string]string{ // "" is a refusal
		name + "natter.v1.json":                                         "natter.v1.json",
		name + "natter.v1.proto":                                        "natter.v1.proto",
		name + "natter.v1.proto, natter.v1.json":                        "natter.v1.proto", // the client's order
		name + "natter.v1.json,natter.v1.proto":                         "natter.v1.json",
		name + "natter.v2.json, natter.v1.proto":                        "natter.v1.proto",
		name + "natter.v2.json\r\n" + name + "natter.v1.proto":          "natter.v1.proto",
		"sec-websocket-protocol: natter.v1.json\r\n" + name + "graphql": "natter.v1.json",
		name + "natter.v2.json":                                         "",
		name + "NATTER.V1.JSON":                                         "",
		name + "natter.v1.json2":                                        "",
		name:                                                            "",
		name + ",":                                                      "",
	} {
		_, res := g.upgrade(t, lines)
		if want == "" {
			if res.StatusCode != http.StatusBadRequest {
				t.Errorf("%q: %s", lines, res.Status)
			}
		} else if got := res.Header["Sec-Websocket-Protocol"]; res.StatusCode != http.StatusSwitchingProtocols || len(got) != 1 || got[0] != want {
			t.Errorf("%q: %s, %q", lines, res.Status, got)
		}
	}
}

// The edge cases of RFC 6455, by section, on a connection that is signed in. What the gateway answers is compared by how
// it begins; after a close frame of the server the client ends the connection, and nothing else may have come.
func TestFrames(t *testing.T) {
	t.Parallel()
	const limit = 4 << 10
	g := newGateway(t, func(c *Config) { c.FrameBytes = limit })
	const (
		ask    = `{"id":7,"ping":{}}`
		answer = `text {"id":7,"pong":{}}`
	)
	text := func(payload string) string { return masked(fin|opText, payload) }
	spaces := strings.Repeat(" ", limit)
	var huge [9]byte
	huge[0] = 127
	binary.BigEndian.PutUint64(huge[1:], 1<<62)
	for name, tt := range map[string]struct {
		send string
		want []string
	}{
		// 5.1 and 5.2: the header.
		"unmasked text":          {"\x81\x12" + ask, []string{"close 1002"}},
		"unmasked ping":          {"\x89\x00", []string{"close 1002"}},
		"reserved bit 1":         {masked(fin|rsv1|opText, ask), []string{"close 1002"}},
		"reserved bit 2":         {masked(fin|rsv2|opText, ask), []string{"close 1002"}},
		"reserved bit 3":         {masked(fin|rsv3|opText, ask), []string{"close 1002"}},
		"reserved bit on a ping": {masked(fin|rsv1|opPing, ""), []string{"close 1002"}},
		"reserved data opcode 3": {masked(fin|0x3, ask), []string{"close 1002"}},
		"reserved data opcode 7": {masked(fin|0x7, ""), []string{"close 1002"}},
		"reserved control 11":    {masked(fin|0xb, ""), []string{"close 1002"}},
		"reserved control 15":    {masked(fin|0xf, ""), []string{"close 1002"}},
		"length in 16 bits":      {text(ask + spaces[:126]), []string{answer}},
		// The RFC asks for the shortest encoding of a length; a longer one is taken. It means the same to all who read it,
		// and no proxy that we know of lets it through in one form and checks another.
		"small length in 16 bits":  {maskedAs(fin|opText, "\x7e\x00\x12", ask), []string{answer}},
		"small length in 64 bits":  {maskedAs(fin|opText, "\x7f\x00\x00\x00\x00\x00\x00\x00\x12", ask), []string{answer}},
		"length with the high bit": {maskedAs(fin|opText, "\x7f\x80\x00\x00\x00\x00\x00\x00\x12", ask), []string{"close 1002"}},
		// It is read up to the limit, not allocated: 2^62 bytes would fail.
		"far too large":             {maskedAs(fin|opText, string(huge[:]), spaces+" "), []string{"close 1009"}},
		"as large as allowed":       {text(ask + spaces[len(ask):]), []string{answer}},
		"one byte more":             {text(ask + spaces[len(ask)-1:]), []string{"close 1009"}},
		"one byte more, fragmented": {masked(opText, ask) + masked(fin|opContinuation, spaces[len(ask)-1:]), []string{"close 1009"}},
		"empty text":                {text("") + text(ask), []string{answer}},

		// 5.4: fragmentation.
		"two fragments":               {masked(opText, ask[:5]) + masked(fin|opContinuation, ask[5:]), []string{answer}},
		"a fragment per byte":         {masked(opText, "") + fragments(ask) + masked(fin|opContinuation, ""), []string{answer}},
		"empty fragments":             {masked(opText, "") + masked(opContinuation, "") + masked(fin|opContinuation, "") + text(ask), []string{answer}},
		"a fragmented rune":           {masked(opText, `{"id":7,"ping":{"é`[:18]) + masked(fin|opContinuation, "\xa9\":1}}"), []string{answer}},
		"ping between fragments":      {masked(opText, ask[:5]) + masked(fin|opPing, "p") + masked(fin|opContinuation, ask[5:]), []string{"pong p", answer}},
		"pong between fragments":      {masked(opText, ask[:5]) + masked(fin|opPong, "p") + masked(fin|opContinuation, ask[5:]), []string{answer}},
		"close between fragments":     {masked(opText, ask[:5]) + masked(fin|opClose, closing(1000, "")), []string{"close 1000"}},
		"continuation of nothing":     {masked(fin|opContinuation, ask), []string{"close 1002"}},
		"fragment of nothing":         {masked(opContinuation, ask), []string{"close 1002"}},
		"continuation after the last": {text("") + masked(fin|opContinuation, ""), []string{"close 1002"}},
		"text between fragments":      {masked(opText, ask[:5]) + text(ask), []string{"close 1002"}},
		"a second start":              {masked(opText, ask[:5]) + masked(opText, ask[5:]), []string{"close 1002"}},

		// 5.5: control frames.
		"ping":                     {masked(fin|opPing, "hello"), []string{"pong hello"}},
		"empty ping":               {masked(fin|opPing, ""), []string{"pong "}},
		"largest ping":             {masked(fin|opPing, spaces[:125]), []string{"pong " + spaces[:125]}},
		"ping that is not text":    {masked(fin|opPing, "\xff\x00\xfe"), []string{"pong \xff\x00\xfe"}},
		"several pings":            {masked(fin|opPing, "1") + masked(fin|opPing, "2"), []string{"pong 1", "pong 2"}},
		"ping that is too long":    {masked(fin|opPing, spaces[:126]), []string{"close 1002"}},
		"fragmented ping":          {masked(opPing, "a"), []string{"close 1002"}},
		"unsolicited pong":         {masked(fin|opPong, "hello") + text(ask), []string{answer}},
		"pong that is too long":    {masked(fin|opPong, spaces[:126]), []string{"close 1002"}},
		"close that is too long":   {masked(fin|opClose, closing(1000, spaces[:124])), []string{"close 1002"}},
		"fragmented close":         {masked(opClose, closing(1000, "")), []string{"close 1002"}},
		"close":                    {masked(fin|opClose, closing(1000, "")), []string{"close 1000"}},
		"close with a reason":      {masked(fin|opClose, closing(1001, "going away")), []string{"close 1001"}},
		"close, longest reason":    {masked(fin|opClose, closing(1000, spaces[:123])), []string{"close 1000"}},
		"close without a code":     {masked(fin|opClose, ""), []string{"close"}},
		"close with half a code":   {masked(fin|opClose, "\x03"), []string{"close 1002"}},
		"close with an app's code": {masked(fin|opClose, closing(4999, "")), []string{"close 4999"}},
		"nothing counts after it":  {masked(fin|opClose, closing(1000, "")) + text(ask), []string{"close 1000"}},
		"close with code 0":        {masked(fin|opClose, closing(0, "")), []string{"close 1002"}},
		"close with code 999":      {masked(fin|opClose, closing(999, "")), []string{"close 1002"}},
		"close with code 1004":     {masked(fin|opClose, closing(1004, "")), []string{"close 1002"}},
		"close with code 1005":     {masked(fin|opClose, closing(1005, "")), []string{"close 1002"}},
		"close with code 1006":     {masked(fin|opClose, closing(1006, "")), []string{"close 1002"}},
		"close with code 1015":     {masked(fin|opClose, closing(1015, "")), []string{"close 1002"}},
		"close with code 2999":     {masked(fin|opClose, closing(2999, "")), []string{"close 1002"}},
		"close with code 5000":     {masked(fin|opClose, closing(5000, "")), []string{"close 1002"}},
		// A reason that is not UTF-8 goes back as it came: the connection ends either way, and only its sender sees it.
		"close, reason not UTF-8":   {masked(fin|opClose, closing(1000, "\xff")), []string{"close 1000"}},
		"several in one TCP packet": {masked(fin|opPing, "1") + masked(fin|opPong, "") + masked(fin|opPing, "2") + text(ask), []string{"pong 1", "pong 2", answer}},

		// 5.6 and 8.1: data. Text that is not UTF-8 may be answered with 1007; we say which frame it is and go on, as with
		// any other frame that cannot be read: nothing of it gets further, and the frames around it are sound.
		"text that is not UTF-8":        {text(`{"id":7,"fetch":{"roomId":"` + "\xff" + `"}}`), []string{`text {"id":7,"error":{"code":"invalid_argument"`}},
		"half a rune":                   {text(`{"id":7,"fetch":{"roomId":"` + "\xc3" + `"}}`), []string{`text {"id":7,"error":{"code":"invalid_argument"`}},
		"a surrogate":                   {text(`{"id":7,"fetch":{"roomId":"` + "\xed\xa0\x80" + `"}}`), []string{`text {"id":7,"error":{"code":"invalid_argument"`}},
		"not UTF-8, but for one frame":  {text("\xff\n" + ask), []string{`text {"error":{"code":"invalid_argument"`, answer}},
		"binary on a JSON socket":       {masked(fin|opBinary, ask), []string{"close 4100"}},
		"empty binary on a JSON socket": {masked(fin|opBinary, ""), []string{"close 4100"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := g.signIn(t, shared.person())
			c.write(tt.send)
			c.expect(tt.want)
		})
	}
	t.Run("byte by byte", func(t *testing.T) {
		t.Parallel()
		c := g.signIn(t, shared.person())
		_ = c.conn.SetNoDelay(true)
		for _, b := range []byte(masked(fin|opPing, "p") + text(ask)) {
			c.write(string([]byte{b}))
		}
		c.expect([]string{"pong p", answer})
	})
	t.Run("with the handshake", func(t *testing.T) { // a client that does not wait for the answer is no loss
		t.Parallel()
		c, res := g.request(t, "GET / HTTP/1.1\r\nHost: gateway.example\r\n"+handshake+"\r\n"+text(helloText(t, shared.person()))+text(ask))
		if res.StatusCode != http.StatusSwitchingProtocols {
			t.Fatal(res.Status)
		}
		c.expect([]string{`text {"id":1,"welcome":{`, answer})
	})
	t.Run("gone without a word", func(t *testing.T) {
		t.Parallel()
		c := g.signIn(t, shared.person())
		_ = c.conn.SetLinger(0) // a reset
		_ = c.conn.Close()
	})
	t.Cleanup(func() { // after the parallel ones
		poll(t, "every connection to end", func() bool { return len(g.srv.all()) == 0 })
	})
}

// fragments are continuations of one byte each, none of them the last.
func fragments(payload string) string {
	var b strings.Builder
	for _, c := range []byte(payload) {
		b.WriteString(masked(opContinuation, string([]byte{c})))
	}
	return b.String()
}

// expect reads frames that begin like these, and ends the connection: nothing else may come, but the word of a server whose
// client has gone without one.
func (c *rawClient) expect(want []string) {
	c.tb.Helper()
	for i, w := range want {
		got := c.frame()
		if strings.HasPrefix(w, "text {") {
			if !strings.HasPrefix(got, w) {
				c.tb.Errorf("frame %d is %q, want %q", i+1, got, w)
			}
		} else if got != w {
			c.tb.Errorf("frame %d is %q, want %q", i+1, got, w)
		}
	}
	_ = c.conn.CloseWrite()
	got := c.frame()
	if got == "close 1002" && !strings.HasPrefix(want[len(want)-1], "close") {
		got = c.frame()
	}
	if got != "end" {
		c.tb.Errorf("then came %q", got)
	}
}

// A protobuf socket is as strict about kinds, and answers what is not UTF-8 in a text field as any other bad frame.
func TestFramesOfProtobuf(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	c, _ := g.connect(t, wire.Proto, shared.person())
	c.raw([]byte("\x08\x08\x07\x22\x04\x0a\x02\xff\xfe")) // {id: 7, send: {roomId: "\xff\xfe"}}
	if f := c.next(); f.GetId() != 7 || f.GetError().GetCode() != "invalid_argument" {
		t.Errorf("got %v", f)
	}
	c.sync()
}
