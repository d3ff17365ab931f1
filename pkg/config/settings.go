package config

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Setting describes one setting.
type Setting struct {
	Name    string // NATTER_HTTP_ADDR
	Default string
	Help    string
	Type    string // as a person would say it: text, number, duration …
	Secret  bool

	field string // of the struct, to match errors
}

// Flag is the setting's flag, without dashes: http-addr. "" for a setting with <NAME>, which only the environment has.
func (s Setting) Flag() string {
	if strings.Contains(s.Name, nameMark) {
		return ""
	}
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(s.Name, Prefix)), "_", "-")
}

// Settings lists the settings of tagged structs (or pointers to them), embedded structs included, in order, each name once.
func Settings(structs ...any) []Setting {
	var all []Setting
	for _, v := range structs {
		if v == nil {
			continue
		}
		t := reflect.TypeOf(v)
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		all = appendSettings(all, t)
	}
	return all
}

func appendSettings(all []Setting, t reflect.Type) []Setting {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
		if name == "" {
			switch {
			case f.Type.Kind() == reflect.Struct:
				all = appendSettings(all, f.Type)
			case f.Tag.Get("named") != "":
				all = appendSettings(all, f.Type.Elem())
			}
			continue
		}
		if slices.ContainsFunc(all, func(s Setting) bool { return s.Name == name }) {
			continue
		}
		all = append(all, Setting{
			Name: name, Default: f.Tag.Get("envDefault"), Help: f.Tag.Get("help"), Type: typeName(f.Type),
			Secret: f.Tag.Get("secret") == "true", field: f.Name,
		})
	}
	return all
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t == reflect.TypeFor[Bytes]():
		return "size"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true/false"
	case reflect.Int, reflect.Int64, reflect.Uint32, reflect.Float64:
		return "number"
	case reflect.Slice:
		return "list"
	}
	return "text"
}

// WriteHelp prints settings for --help.
func WriteHelp(w io.Writer, settings []Setting) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range settings {
		flag := s.Flag()
		if flag != "" {
			flag = "--" + flag
		}
		_, _ = fmt.Fprintf(tw, "  %s\t%s\t%s%s\n", flag, s.Name, s.Help, defaultNote(s.Default))
	}
	_ = tw.Flush()
}

func defaultNote(d string) string {
	if d == "" {
		return ""
	}
	return " (default " + d + ")"
}

// WriteMarkdown prints settings as the table of the README.
func WriteMarkdown(w io.Writer, settings []Setting) {
	_, _ = fmt.Fprintf(w, "| setting | default | what |\n| --- | --- | --- |\n")
	for _, s := range settings {
		def := "–"
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		_, _ = fmt.Fprintf(w, "| `%s` | %s | %s |\n", s.Name, def, strings.ReplaceAll(s.Help, "|", "\\|"))
	}
}

// Dump returns name and value of each setting that differs from its default, secrets redacted, for the log.
func (s *Source) Dump(settings []Setting) []any {
	var attrs []any
	names := slices.Sorted(maps.Keys(s.values))
	for _, f := range settings {
		for _, name := range names {
			v := s.values[name]
			if v == "" || v == f.Default || !matches(f.Name, name) {
				continue
			}
			if f.Secret {
				v = "(set)"
			}
			attrs = append(attrs, name, v)
		}
	}
	return attrs
}
