package config

import (
	"strings"
	"testing"
	"time"
)

type inner struct {
	URL string `env:"NATTER_NATS_URL" envDefault:"nats://localhost" help:"where NATS is"`
}

type sample struct {
	inner
	Grace  time.Duration `env:"NATTER_GRACE" envDefault:"30s" help:"time to drain"`
	Frame  Bytes         `env:"NATTER_FRAME" envDefault:"64KiB" help:"largest frame"`
	Secret string        `env:"NATTER_SECRET_KEY" help:"32 bytes" secret:"true"`
	Number int           `env:"NATTER_NUMBER" envDefault:"3" help:"how many" secret:"true"`
}

func TestLoad(t *testing.T) {
	t.Parallel()
	var got struct {
		Grace time.Duration `env:"NATTER_GRACE" envDefault:"30s"`
		Frame Bytes         `env:"NATTER_FRAME" envDefault:"64KiB"`
		Text  string        `env:"NATTER_TEXT" envDefault:"x"`
	}
	if err := NewSource(map[string]string{"NATTER_GRACE": "5s", "NATTER_TEXT": ""}).Load(&got); err != nil {
		t.Fatal(err)
	}
	if got.Grace != 5*time.Second || got.Frame != 64<<10 || got.Text != "x" {
		t.Errorf("got %+v", got)
	}
}

func TestLoadNamesTheSettingAndKeepsSecrets(t *testing.T) {
	t.Parallel()
	var got sample
	err := NewSource(map[string]string{"NATTER_GRACE": "soon", "NATTER_NUMBER": "hunter2"}).Load(&got)
	if err == nil || !strings.Contains(err.Error(), `NATTER_GRACE: "soon" is not a duration`) {
		t.Errorf("err = %v", err)
	}
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret is in the error: %v", err)
	}
	source := NewSource(map[string]string{"NATTER_SECRET_KEY": "hunter2"})
	for _, v := range source.Dump(Settings(sample{})) {
		if v == "hunter2" {
			t.Error("a secret is in the dump")
		}
	}
}

func TestSettingsListEachNameOnce(t *testing.T) {
	t.Parallel()
	settings := Settings(sample{}, &sample{}, nil)
	if len(settings) != 5 || settings[0].Flag() != "nats-url" {
		t.Errorf("got %+v", settings)
	}
}

func TestCheckKnownNamesTheNearest(t *testing.T) {
	t.Parallel()
	source, err := FromEnviron([]string{"NATTER_HTP_ADDR=:80", "NATTER_TEST_MONGODB_URL=x", "NATTER_HTP_ADDR_FILE=x", "HOME=/"})
	if err != nil {
		t.Fatal(err)
	}
	err = source.CheckKnown()
	if err == nil || !strings.Contains(err.Error(), "NATTER_HTP_ADDR") || !strings.Contains(err.Error(), "did you mean NATTER_HTTP_ADDR") {
		t.Errorf("err = %v", err)
	}
	if err := NewSource(map[string]string{"NATTER_HTP_ADDR": "x", "NATTER_STRICT_ENV": "false"}).CheckKnown(); err != nil {
		t.Errorf("err = %v with the check off", err)
	}
}
