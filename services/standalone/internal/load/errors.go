package load

import "fmt"

// tooFewFiles: the limit of open files does not allow that many clients.
type tooFewFiles struct{ limit, need uint64 }

func (e tooFewFiles) Error() string {
	return fmt.Sprintf("%d open files are allowed and %d are needed: raise the limit with `ulimit -n %d` here and for the server, or ask for fewer users",
		e.limit, e.need, e.need)
}
