package config

import (
	"fmt"
	"math"

	"github.com/dustin/go-humanize"
)

// Bytes is a size: 64KiB, 1MiB, or a plain number of bytes.
type Bytes int

// UnmarshalText parses a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > math.MaxInt {
		return fmt.Errorf("%q is not a size such as 64KiB", text)
	}
	*b = Bytes(n)
	return nil
}
