package load

import (
	"context"
	"fmt"
	"syscall"
)

// otherFiles is what a process has open besides the clients' sockets.
const otherFiles = 100

// TooFewFiles says that a limit of open files does not allow that many clients.
type TooFewFiles struct {
	Whose       string
	Limit, Need uint64
}

func (e TooFewFiles) Error() string {
	return fmt.Sprintf("%s may open %d files and needs %d: raise its limit (`ulimit -n %d` before it is started), or ask for fewer users",
		e.Whose, e.Limit, e.Need, e.Need)
}

// EnoughFiles checks the limits of open files: that of this process, and that of the server as its admin ports say it
// (several processes share the clients, so their limits count together). The error is TooFewFiles.
func (s Settings) EnoughFiles(ctx context.Context) error {
	need := uint64(s.connections() + otherFiles)
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err == nil && own.Cur < need {
		return TooFewFiles{"the load generator", own.Cur, need}
	}
	server, err := newMeter(s.Admin).read(ctx)
	if err != nil {
		return err
	}
	if limit := uint64(server.maxFiles); limit > 0 && limit < need {
		return TooFewFiles{"the server", limit, need}
	}
	return nil
}
