// Package secret encrypts what must not be readable in auth's database, under the setting NATTER_SECRET_KEY.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// size is the size of NATTER_SECRET_KEY in bytes, before base64.
const size = 32

// howToMake is part of every error about the setting.
const howToMake = "make one with `openssl rand -base64 32`, give it to every instance of auth, and keep it: " +
	"without it the signing keys in the database cannot be read"

// Key is what the settings say. It encrypts nothing itself: each use has a Box.
type Key struct{ current, old []byte }

// Parse reads the settings NATTER_SECRET_KEY and NATTER_SECRET_KEY_OLD, which may be empty. The error says how to make a
// key, and never what was given.
func Parse(current, old string) (Key, error) {
	if strings.TrimSpace(current) == "" {
		return Key{}, errors.New("NATTER_SECRET_KEY is not set; " + howToMake)
	}
	var k Key
	var err error
	if k.current, err = decode("NATTER_SECRET_KEY", current); err != nil {
		return Key{}, err
	}
	if strings.TrimSpace(old) != "" {
		k.old, err = decode("NATTER_SECRET_KEY_OLD", old)
	}
	return k, err
}

func decode(setting, text string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != size {
		return nil, fmt.Errorf("%s is not %d bytes in base64; "+howToMake, setting, size)
	}
	return raw, nil
}

// Box encrypts for one purpose with AES-256-GCM: what it sealed no other box opens. It is safe for concurrent use.
type Box struct {
	current cipher.AEAD
	old     cipher.AEAD // nil: there is no old key
}

// Box returns the box of a purpose, a text that is no other's and never changes.
func (k Key) Box(purpose string) (Box, error) {
	current, err := newAEAD(k.current, purpose)
	if err != nil || k.old == nil {
		return Box{current: current}, err
	}
	old, err := newAEAD(k.old, purpose)
	return Box{current: current, old: old}, err
}

func newAEAD(key []byte, purpose string) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, purpose, size)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Seal encrypts plain under the current key. Open gives it back only for the same label, such as the id of its row.
func (b Box) Seal(plain []byte, label string) []byte {
	return b.current.Seal(nil, nil, plain, []byte(label))
}

// Open decrypts what Seal made under the current key or, then isOld is true, the old one: seal it anew, so that the old
// key can go. It fails for anything else.
func (b Box) Open(sealed []byte, label string) (plain []byte, isOld bool, err error) {
	plain, err = b.current.Open(nil, nil, sealed, []byte(label))
	if err != nil && b.old != nil {
		plain, err = b.old.Open(nil, nil, sealed, []byte(label))
		return plain, err == nil, err
	}
	return plain, false, err
}
