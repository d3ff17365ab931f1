package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// fileSuffix on a setting's name makes its value the name of a file that holds the setting: how Docker and Kubernetes hand
// out secrets, and what keeps them out of a process's environment, which its children and crash reports show.
const fileSuffix = "_FILE"

// maxFile is the largest file with a setting.
const maxFile = 64 << 10

// readFiles puts the contents of the files in place of the variables that name them, without the line break at their ends.
// Errors name the variables.
func (s *Source) readFiles() error {
	var all []error
	for _, variable := range slices.Sorted(maps.Keys(s.values)) {
		name, isFile := strings.CutSuffix(variable, fileSuffix)
		if !isFile || !isKnown(name) {
			continue // CheckKnown complains
		}
		path := s.values[variable]
		delete(s.values, variable)
		if path == "" {
			continue
		}
		if s.values[name] != "" {
			all = append(all, fmt.Errorf("%s and %s are both set; leave one of them out", name, variable))
			continue
		}
		value, err := readFile(path)
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", variable, err))
			continue
		}
		s.values[name] = value
	}
	return errors.Join(all...)
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return "", err
	case len(data) > maxFile:
		return "", fmt.Errorf("%s has more than %d KiB", path, maxFile>>10)
	case strings.TrimSpace(string(data)) == "":
		return "", fmt.Errorf("%s is empty", path)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
