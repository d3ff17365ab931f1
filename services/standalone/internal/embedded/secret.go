package embedded

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/natter-chat/natter/pkg/app"
)

// secretBytes is the size of NATTER_SECRET_KEY before base64.
const secretBytes = 32

// secretFile is where the one process keeps the key that nobody gave it, in the data directory.
const secretFile = "secret.key"

type secretConfig struct {
	DataDir   string `env:"NATTER_DATA_DIR" envDefault:"./data" help:"where the one process keeps its data"`
	SecretKey string `env:"NATTER_SECRET_KEY" help:"32 bytes in base64 that encrypt private keys; without it the one process makes its own" secret:"true"`
}

// Secret makes the data directory, and a secret key in it unless the settings have one; the components after it find
// the key in their settings. Who loses the file loses the signing keys: everyone signs in again.
var Secret = app.Component{Name: "secret", Settings: secretConfig{}, New: func(_ context.Context, d *app.Deps) (app.Runner, error) {
	var cfg secretConfig
	if err := d.Config.Load(&cfg); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("NATTER_DATA_DIR: %w", err)
	}
	if cfg.SecretKey == "" {
		key, err := loadSecret(cfg.DataDir)
		if err != nil {
			return nil, err
		}
		d.Config.Set("NATTER_SECRET_KEY", key)
	}
	return app.RunnerFunc(func(ctx context.Context) error { <-ctx.Done(); return nil }), nil
}}

// ReadSecret reads the key that the one process keeps in its data directory. It makes none.
func ReadSecret(dataDir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dataDir, secretFile))
	return strings.TrimSpace(string(text)), err
}

// loadSecret reads the key file, or makes it: whole or not at all, readable by its owner only.
func loadSecret(dataDir string) (string, error) {
	key, err := ReadSecret(dataDir)
	if err == nil {
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the secret key: %w", err)
	}
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // never fails
	key = base64.StdEncoding.EncodeToString(raw)
	f, err := os.CreateTemp(dataDir, secretFile+"-*") // 0600
	if err != nil {
		return "", fmt.Errorf("make the secret key: %w", err)
	}
	_, err = f.WriteString(key + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dataDir, secretFile))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", fmt.Errorf("make the secret key: %w", err)
	}
	return key, nil
}
