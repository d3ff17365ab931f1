package keys

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

// secretSize is the size of NATTER_SECRET_KEY in bytes, before base64.
const secretSize = 32

// howToMake is part of every error about the setting.
const howToMake = "make one with `openssl rand -base64 32`, give it to every instance of auth, and keep it: " +
	"without it the signing keys in the database cannot be read"

// Secret encrypts what must not be readable in the database.
type Secret struct{ aead cipher.AEAD }

// ParseSecret reads the setting NATTER_SECRET_KEY: 32 bytes in base64. The error says how to make one, and never what
// was given.
func ParseSecret(text string) (Secret, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Secret{}, errors.New("NATTER_SECRET_KEY is not set; " + howToMake)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != secretSize {
		return Secret{}, fmt.Errorf("NATTER_SECRET_KEY is not %d bytes in base64; "+howToMake, secretSize)
	}
	// A key of its own for this use: the same setting may protect other things.
	key, err := hkdf.Key(sha256.New, raw, nil, "natter auth signing keys", secretSize)
	if err != nil {
		return Secret{}, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return Secret{}, fmt.Errorf("derive key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return Secret{aead: aead}, err
}

// seal encrypts plain; open gives it back only for the same label.
func (s Secret) seal(plain []byte, label string) []byte {
	return s.aead.Seal(nil, nil, plain, []byte(label))
}

func (s Secret) open(sealed []byte, label string) ([]byte, error) {
	return s.aead.Open(nil, nil, sealed, []byte(label))
}
