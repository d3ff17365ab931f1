package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// nameMark stands for the name of one of several things of a kind, in upper case and with _ for -.
const nameMark = "<NAME>"

var plainName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// fillNamed fills the maps of a struct that have a `named` tag: one entry for each name in the list which that setting is.
//
//	Names []string            `env:"NATTER_SSO_PROVIDERS" help:"…"`
//	Each  map[string]Provider `named:"NATTER_SSO_PROVIDERS"` // fields such as env:"NATTER_SSO_<NAME>_ISSUER"
func (s *Source) fillNamed(v reflect.Value) error {
	var all []error
	for i := range v.NumField() {
		field := v.Type().Field(i)
		list := field.Tag.Get("named")
		switch {
		case list != "":
			all = append(all, s.fillMap(v.Field(i), list))
		case field.Type.Kind() == reflect.Struct && field.Tag.Get("env") == "" && field.IsExported():
			all = append(all, s.fillNamed(v.Field(i)))
		}
	}
	return errors.Join(all...)
}

func (s *Source) fillMap(dst reflect.Value, list string) error {
	settings := Settings(reflect.Zero(dst.Type().Elem()).Interface())
	dst.Set(reflect.MakeMap(dst.Type()))
	var all []error
	variables := map[string]bool{}
	for name := range strings.SplitSeq(s.values[list], ",") {
		if name == "" {
			continue
		}
		if !plainName.MatchString(name) || dst.MapIndex(reflect.ValueOf(name)).IsValid() {
			all = append(all, fmt.Errorf("%s: %q is not a name of its own made of a-z, 0-9 and -", list, name))
			continue
		}
		upper := strings.ReplaceAll(strings.ToUpper(name), "-", "_")
		values := map[string]string{}
		for _, f := range settings {
			variable := strings.ReplaceAll(f.Name, nameMark, upper)
			variables[variable] = true
			values[f.Name] = s.values[variable]
		}
		one := reflect.New(dst.Type().Elem())
		if err := NewSource(values).Load(one.Interface()); err != nil {
			all = append(all, errors.New(strings.ReplaceAll(err.Error(), nameMark, upper)))
		}
		dst.SetMapIndex(reflect.ValueOf(name), one.Elem())
	}
	return errors.Join(append(all, s.strays(list, settings, variables))...)
}

// strays are the variables of things that the list does not name: misspelt, as a rule.
func (s *Source) strays(list string, settings []Setting, variables map[string]bool) error {
	if s.values["NATTER_STRICT_ENV"] == "false" {
		return nil
	}
	var all []error
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		ours := slices.ContainsFunc(settings, func(f Setting) bool { return matches(f.Name, name) })
		if ours && s.values[name] != "" && !variables[name] {
			all = append(all, fmt.Errorf("%s is set, but its name is not in %s", name, list))
		}
	}
	return errors.Join(all...)
}

// matches reports whether a variable is the setting, or one of those that a setting with a nameMark stands for.
func matches(setting, variable string) bool {
	before, after, marked := strings.Cut(setting, nameMark)
	if !marked {
		return setting == variable
	}
	return len(variable) > len(before)+len(after) && strings.HasPrefix(variable, before) && strings.HasSuffix(variable, after)
}
