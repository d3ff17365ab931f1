package room

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
)

// Listing is what the directory sorts and searches a room by. Stores keep it beside the settings it is made of.
type Listing struct {
	// SortName is the beginning of the name, without regard to case: an index cannot hold a long one.
	SortName string
	// Search is name and topic, without regard to case.
	Search string
}

// sortBytes bounds SortName.
const sortBytes = 200

// Listing is that of a room with these settings.
func (s Settings) Listing() Listing {
	name := fold(s.Name)
	sort := name
	if len(sort) > sortBytes {
		cut := sortBytes
		for !utf8.RuneStart(sort[cut]) {
			cut--
		}
		sort = sort[:cut]
	}
	return Listing{SortName: sort, Search: name + "\n" + fold(s.Topic)}
}

// Position is a room's place in the directory: rooms are sorted by name (in the order of code points), then by id.
type Position struct {
	SortName string
	ID       ids.Room
}

// CheckSortName reports whether a text from outside can be a SortName.
func CheckSortName(s string) error {
	if len(s) > sortBytes {
		return fault.Invalid("after", "not the next of a page")
	}
	return check("after", s, sortBytes, "")
}

// maxQuery is how long a query may be, in characters.
const maxQuery = 100

// Query reads the field query of a search in the directory: what to look for in Listing.Search.
func Query(s string) (string, error) {
	s = strings.TrimSpace(s)
	if err := check("query", s, maxQuery, ""); err != nil {
		return "", err
	}
	return fold(s), nil
}

// fold makes all spellings of a text one: Unicode normalised, without regard to case. Folding is more than lower case (ß
// and SS, σ and ς are one) and may take a text out of its normal form.
func fold(s string) string { return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s))) }
