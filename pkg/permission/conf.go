package permission

import (
	"fmt"
	"io"
	"strings"

	"github.com/nats-io/nkeys"
)

// answerWithin is for how long a service may answer what it was asked; a call takes 30 s at most.
const answerWithin = "1m"

// WriteConf writes the users as a part of a NATS server's configuration. Their public keys come from the environment of the
// server: see PublicKeyVariable.
func WriteConf(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Made by `make nats` from pkg/permission: who may do what on the bus. The public keys come from the environment;\n" +
		"# `natter nkeys` makes them, and the seeds that the services sign in with (NATTER_NATS_NKEY).\nauthorization {\n  users = [\n")
	for _, user := range users {
		p, err := Of(user)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "    {\n      # %s\n      nkey: $%s\n      permissions {\n", user, PublicKeyVariable(user))
		list(&b, "publish", p.Publish)
		list(&b, "subscribe", p.Subscribe)
		if user != Operator {
			fmt.Fprintf(&b, "        allow_responses { max: 1, expires: %q }\n", answerWithin)
		}
		b.WriteString("      }\n    }\n")
	}
	b.WriteString("  ]\n}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func list(b *strings.Builder, what string, subjects []string) {
	fmt.Fprintf(b, "        %s {\n          allow: [\n", what)
	for _, s := range subjects {
		fmt.Fprintf(b, "            %q\n", s)
	}
	b.WriteString("          ]\n        }\n")
}

// PublicKeyVariable is the variable in the environment of the NATS server that holds the public key of a user.
func PublicKeyVariable(user string) string { return "NATS_NKEY_" + upper(user) }

// SeedVariable is the name under which WriteKeys prints the seed of a user.
func SeedVariable(user string) string { return "NATS_SEED_" + upper(user) }

func upper(user string) string { return strings.ReplaceAll(strings.ToUpper(user), "-", "_") }

// WriteKeys makes a new pair of keys for every user and prints them as lines of an environment file.
func WriteKeys(w io.Writer) error {
	var b strings.Builder
	for _, user := range users {
		pair, err := nkeys.CreateUser()
		if err != nil {
			return err
		}
		public, err := pair.PublicKey()
		if err != nil {
			return err
		}
		seed, err := pair.Seed()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s=%s\n%s=%s\n", PublicKeyVariable(user), public, SeedVariable(user), seed)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
