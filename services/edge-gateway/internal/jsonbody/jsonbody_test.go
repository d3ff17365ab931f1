package jsonbody_test

import (
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/fault"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/jsonbody"
)

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 1000) + strings.Repeat("]", 1000)
	for data, want := range map[string]string{ // the field that is named; "": accepted
		`{"name":"General","isPrivate":true}`: "",
		`{"later":{"x":[1]},"name":"a"}`:      "",
		`{"name":null}`:                       "",
		``:                                    "body",
		`null`:                                "body",
		`[]`:                                  "body",
		`{"name":"a"}{"name":"b"}`:            "body",
		`{"name":"a"} x`:                      "body",
		`{"name":"a","name":"b"}`:             "body",
		`{"later":` + deep + `}`:              "body",
		`{"name":` + deep + `}`:               "name",
		`{"name":5}`:                          "name",
		"{\"name\":\"\xff\"}":                 "name",
		`{"name":"a","isPrivate":"yes"}`:      "isPrivate",
	} {
		err := jsonbody.Unmarshal([]byte(data), new(roomsv1.CreateRoomRequest), "body")
		if want == "" && err != nil || want != "" && (fault.CodeOf(err) != fault.InvalidArgument || fault.From(err).Field != want) {
			t.Errorf("%.40q: got %v, want %q", data, err, want)
		}
	}
}
