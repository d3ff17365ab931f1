package password

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Params is the cost of one hash.
type Params struct {
	MemoryKiB uint32
	Time      uint32 // passes over the memory
	Threads   uint8
}

const (
	saltSize = 16
	keySize  = 32
)

// hash is an argon2id hash with all that is needed to compute it again.
type hash struct {
	Params
	salt, key []byte
}

func derive(p Params, salt []byte, size uint32, password []byte) []byte {
	return argon2.IDKey(password, salt, p.Time, p.MemoryKiB, p.Threads, size)
}

func (h hash) matches(password []byte) bool {
	return subtle.ConstantTimeCompare(h.key, derive(h.Params, h.salt, uint32(len(h.key)), password)) == 1
}

// phcFormat is the PHC string format, https://github.com/P-H-C/phc-string-format: what other software reads, too.
const phcFormat = "$argon2id$v=%d$m=%d,t=%d,p=%d$"

func (h hash) String() string {
	text := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf(phcFormat, argon2.Version, h.MemoryKiB, h.Time, h.Threads) + text(h.salt) + "$" + text(h.key)
}

var errMalformed = errors.New("not an argon2id hash in PHC form")

// parse reads what String wrote. Costs above the limits are malformed: a broken row must not take the memory of the
// machine.
func parse(s string) (hash, error) {
	var h hash
	var version int
	fields := strings.Split(s, "$")
	if len(fields) != 6 {
		return hash{}, errMalformed
	}
	prefix := strings.Join(fields[:4], "$") + "$"
	if _, err := fmt.Sscanf(prefix, phcFormat, &version, &h.MemoryKiB, &h.Time, &h.Threads); err != nil {
		return hash{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	if version != argon2.Version || h.Params.check() != nil {
		return hash{}, errMalformed
	}
	var saltErr, keyErr error
	h.salt, saltErr = base64.RawStdEncoding.Strict().DecodeString(fields[4])
	h.key, keyErr = base64.RawStdEncoding.Strict().DecodeString(fields[5])
	if saltErr != nil || keyErr != nil || len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64 {
		return hash{}, errMalformed
	}
	// What Sscanf lets pass besides (signs, leading zeros) would be a second text for one hash.
	if h.String() != s {
		return hash{}, errMalformed
	}
	return h, nil
}

// check refuses costs that argon2 cannot compute, and those that are certainly a mistake.
func (p Params) check() error {
	switch {
	case p.Threads < 1 || p.Threads > 64:
		return errors.New("argon2 takes 1 to 64 threads")
	case p.Time < 1 || p.Time > 1000:
		return errors.New("argon2 takes 1 to 1000 passes")
	case p.MemoryKiB < 8*uint32(p.Threads) || p.MemoryKiB > 4<<20:
		return errors.New("argon2 takes 8 KiB per thread to 4 GiB of memory")
	}
	return nil
}
