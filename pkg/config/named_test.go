package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

type named struct {
	inner
	Pets struct {
		Names []string       `env:"NATTER_PETS" help:"names"`
		Each  map[string]pet `named:"NATTER_PETS"`
	}
}

type pet struct {
	Kind string `env:"NATTER_PET_<NAME>_KIND" envDefault:"cat" help:"what it is"`
	Legs int    `env:"NATTER_PET_<NAME>_LEGS" envDefault:"4" help:"how many legs"`
	Chip string `env:"NATTER_PET_<NAME>_CHIP" help:"its number" secret:"true"`
}

func TestNamed(t *testing.T) {
	t.Parallel()
	source := NewSource(map[string]string{
		"NATTER_PETS": "tweety,old-tom", "NATTER_PET_TWEETY_KIND": "bird", "NATTER_PET_TWEETY_LEGS": "2", "NATTER_PET_OLD_TOM_CHIP": "hunter2",
	})
	var got named
	if err := source.Load(&got); err != nil {
		t.Fatal(err)
	}
	want := map[string]pet{"tweety": {Kind: "bird", Legs: 2}, "old-tom": {Kind: "cat", Legs: 4, Chip: "hunter2"}}
	if !reflect.DeepEqual(got.Pets.Each, want) || len(got.Pets.Names) != 2 {
		t.Errorf("got %+v", got.Pets)
	}
	dump := fmt.Sprint(source.Dump(Settings(named{})))
	if strings.Contains(dump, "hunter2") || !strings.Contains(dump, "NATTER_PET_OLD_TOM_CHIP (set)") || !strings.Contains(dump, "NATTER_PET_TWEETY_KIND bird") {
		t.Errorf("dump: %s", dump)
	}
}

func TestNamedRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ list, variable, value, want string }{
		"not in the list":   {"tom", "NATTER_PET_TIM_KIND", "dog", "NATTER_PET_TIM_KIND is set, but its name is not in NATTER_PETS"},
		"no list":           {"", "NATTER_PET_TIM_KIND", "dog", "NATTER_PET_TIM_KIND is set"},
		"of another type":   {"tom", "NATTER_PET_TOM_LEGS", "four", `NATTER_PET_TOM_LEGS: "four" is not a number`},
		"no name":           {"Tom", "NATTER_PETS_X", "", `NATTER_PETS: "Tom" is not a name`},
		"the same name":     {"tom,tom", "NATTER_PETS_X", "", `NATTER_PETS: "tom" is not a name of its own`},
		"a path for a name": {"../tom", "NATTER_PETS_X", "", "NATTER_PETS"},
	} {
		var got named
		err := NewSource(map[string]string{"NATTER_PETS": tc.list, tc.variable: tc.value}).Load(&got)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	var got named
	err := NewSource(map[string]string{"NATTER_PET_TIM_KIND": "dog", "NATTER_STRICT_ENV": "false"}).Load(&got)
	if err != nil {
		t.Errorf("with the check off: %v", err)
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]bool{
		"NATTER_PET_TOM_KIND": true, "NATTER_PET_OLD_TOM_KIND": true,
		"NATTER_PET__KIND": false, "NATTER_PET_KIND": false, "NATTER_PET_TOM_KINDS": false, "NATTER_PET_TOM": false,
	} {
		if matches("NATTER_PET_<NAME>_KIND", variable) != want {
			t.Errorf("%s: want %v", variable, want)
		}
	}
}
