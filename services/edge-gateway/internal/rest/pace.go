package rest

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// minPace is the fewest bytes a second that an upload may bring, on average: it holds a slot, and a part of its sender's quota.
const minPace = 8 << 10

// pacedBody is the body of a request that must bring something in every stall, and minPace on average after the first one. Then
// its Read fails with os.ErrDeadlineExceeded, and the connection is of no use any more.
type pacedBody struct {
	body        io.Reader
	setDeadline func(time.Time) error
	stall       time.Duration
	began       time.Time
	got         int64
}

func newPacedBody(w http.ResponseWriter, body io.Reader, stall time.Duration) *pacedBody {
	return &pacedBody{body: body, setDeadline: http.NewResponseController(w).SetReadDeadline, stall: stall, began: time.Now()}
}

func (p *pacedBody) Read(b []byte) (int, error) {
	pace := p.began.Add(p.stall + time.Duration(p.got)*time.Second/minPace)
	if next := time.Now().Add(p.stall); next.Before(pace) {
		pace = next
	}
	if err := p.setDeadline(pace); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := p.body.Read(b)
	p.got += int64(n)
	if errors.Is(err, io.EOF) {
		_ = p.setDeadline(time.Time{}) // what comes now is the work of the server
	}
	return n, err
}

// pacedWriter is an answer of which something must be taken in every stall.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
}

func newPacedWriter(w http.ResponseWriter, stall time.Duration) *pacedWriter {
	return &pacedWriter{ResponseWriter: w, control: http.NewResponseController(w), stall: stall}
}

func (p *pacedWriter) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(p.stall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.ResponseWriter.Write(b)
}

// end sends the rest of the answer, and leaves the connection to its next request.
func (p *pacedWriter) end() {
	_ = p.control.Flush() // fails when the client is gone: so does the next request
	_ = p.control.SetWriteDeadline(time.Time{})
}
