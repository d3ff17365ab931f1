// Package config reads settings. Each component has one tagged struct; its fields become environment variables
// (NATTER_*), flags, the --help text, the README table and the redacted dump at start:
//
//	type Config struct {
//		HTTPAddr string `env:"NATTER_HTTP_ADDR" envDefault:"localhost:8080" help:"address of the public listener"`
//		Secret   string `env:"NATTER_SECRET_KEY" help:"…" secret:"true"`
//	}
package config

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/caarlos0/env/v11"
)

// Prefix is what every setting's name begins with.
const Prefix = "NATTER_"

// known lists the settings of every component, one a line, so that a service alone can tell a setting of another
// service (ignored) from a misspelt one (an error). `make settings` writes it; a test of the standalone compares.
//
//go:embed known.txt
var known string

// Source holds the values of settings by name. It is safe for concurrent reads; Set is for wiring only.
type Source struct{ values map[string]string }

// NewSource returns a source of these values.
func NewSource(values map[string]string) *Source { return &Source{values: maps.Clone(values)} }

// FromEnviron takes the NATTER_* variables out of an environment in the form of os.Environ. For every setting NATTER_X there may
// be NATTER_X_FILE instead, which names a file that holds it. An error names the files that cannot be read; the rest is there.
func FromEnviron(environ []string) (*Source, error) {
	values := map[string]string{}
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(name, Prefix) {
			values[name] = value
		}
	}
	s := &Source{values: values}
	return s, s.readFiles()
}

// Set overrides a setting: a flag, or the address of an embedded server for the components after it.
func (s *Source) Set(name, value string) {
	if s.values == nil {
		s.values = map[string]string{}
	}
	s.values[name] = value
}

// Get returns the raw value of a setting; "" when it is not set.
func (s *Source) Get(name string) string { return s.values[name] }

// Load fills the tagged struct that dst points to. An empty variable counts as unset. Errors name the variables.
func (s *Source) Load(dst any) error {
	set := maps.Clone(s.values)
	maps.DeleteFunc(set, func(_, v string) bool { return v == "" })
	err := env.ParseWithOptions(dst, env.Options{Environment: set})
	if err == nil {
		return s.fillNamed(reflect.ValueOf(dst).Elem())
	}
	byField := map[string]Setting{}
	for _, f := range Settings(dst) {
		byField[f.field] = f
	}
	var all []error
	for _, e := range unjoin(err) {
		if p, ok := errors.AsType[env.ParseError](e); ok {
			f := byField[p.Name]
			value := fmt.Sprintf("%q ", set[f.Name])
			if f.Secret {
				value = "its value "
			}
			e = fmt.Errorf("%s: %sis not a %s (%s)", f.Name, value, f.Type, f.Help)
		}
		all = append(all, e)
	}
	return errors.Join(all...)
}

// unjoin lists the errors that env collected.
func unjoin(err error) []error {
	if agg, ok := errors.AsType[env.AggregateError](err); ok {
		return agg.Errors
	}
	return []error{err}
}

// CheckKnown returns an error for each NATTER_* variable that no component of Natter has, with the nearest name.
// NATTER_TEST_* is never looked at. NATTER_STRICT_ENV=false switches the check off, for rollbacks.
func (s *Source) CheckKnown() error {
	if s.values["NATTER_STRICT_ENV"] == "false" {
		return nil
	}
	names := strings.Fields(known)
	var all []error
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		if !strings.HasPrefix(name, "NATTER_TEST_") && !isKnown(name) {
			all = append(all, fmt.Errorf("%s is not a setting of Natter; did you mean %s?", name, nearest(name, names)))
		}
	}
	return errors.Join(all...)
}

// isKnown reports whether a variable is a setting of some component.
func isKnown(variable string) bool {
	for name := range strings.FieldsSeq(known) {
		if matches(name, variable) {
			return true
		}
	}
	return false
}

func nearest(name string, names []string) string {
	return slices.MinFunc(names, func(a, b string) int {
		return levenshtein.ComputeDistance(name, a) - levenshtein.ComputeDistance(name, b)
	})
}
