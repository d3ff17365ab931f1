// Package mongo opens the MongoDB database of message-store: every write is majority-committed and journaled before it
// is acknowledged, every read is of majority-committed data on the primary.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/obs"
)

const (
	// defaultDatabase is used when the URL names none.
	defaultDatabase = "natter"
	// selectionTimeout is how long an operation waits for a primary: longer than an election (about 12 s by default in the
	// worst case) would hold lanes up; callers retry.
	selectionTimeout = 5 * time.Second
	// operationTimeout bounds an operation whose context has no deadline.
	operationTimeout = 10 * time.Second
)

// Open connects to the servers of a mongodb:// or mongodb+srv:// URL and returns the database that its path names
// ("natter" when it names none). It fails with Unavailable when no primary answers before ctx ends. Close it with
// Close. Watch, if not nil, sees the commands.
func Open(ctx context.Context, rawURL, app string, watch *obs.Database) (*mongo.Database, error) {
	const op = "mongo.Open"
	name, err := database(rawURL)
	if err != nil {
		return nil, fault.E(fault.InvalidArgument, op, err)
	}
	opts := clientOptions(rawURL, app)
	if err := observe(opts, watch); err != nil {
		return nil, err
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		return nil, fault.E(fault.InvalidArgument, op, err)
	}
	if err := client.Ping(ctx, readpref.Primary()); err != nil {
		return nil, errors.Join(MapErr(op, err), client.Disconnect(context.WithoutCancel(ctx)))
	}
	return client.Database(name), nil
}

// clientOptions are those of the URL, but never weaker promises than these.
func clientOptions(rawURL, app string) *options.ClientOptions {
	journaled := writeconcern.Majority()
	journaled.Journal = new(true)
	return options.Client().ApplyURI(rawURL).SetAppName(app).
		SetWriteConcern(journaled).SetReadConcern(readconcern.Majority()).SetReadPreference(readpref.Primary()).
		SetServerSelectionTimeout(selectionTimeout).SetTimeout(operationTimeout)
}

// database is the path of the URL. The driver keeps it to itself.
func database(rawURL string) (string, error) {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok || (scheme != "mongodb" && scheme != "mongodb+srv") {
		return "", errors.New("not a mongodb:// or mongodb+srv:// URL")
	}
	// Several hosts are separated by commas, which net/url refuses in ports: only what follows them is of interest.
	_, path, _ := strings.Cut(rest, "/")
	path, _, _ = strings.Cut(path, "?")
	name, err := url.PathUnescape(path)
	if err != nil {
		return "", fmt.Errorf("database name: %w", err)
	}
	if name == "" {
		return defaultDatabase, nil
	}
	return name, nil
}

// Close disconnects. Operations under way end with an error.
func Close(ctx context.Context, db *mongo.Database) error {
	return MapErr("mongo.Close", db.Client().Disconnect(ctx))
}

// Codes of the server.
const (
	codeNotImplemented     = 238
	codeInvalidOptions     = 72
	codeNamespaceExists    = 48
	codeCommandNotFound    = 59
	codeUnknownClusterArgs = 40415 // an unknown field of a command
)

// Unsupported reports whether the server said that it does not know what was asked: the stand-in of the tests, an
// emulation, or an old version.
func Unsupported(err error) bool {
	e, ok := errors.AsType[mongo.ServerError](err)
	return ok && (e.HasErrorCode(codeNotImplemented) || e.HasErrorCode(codeInvalidOptions) ||
		e.HasErrorCode(codeCommandNotFound) || e.HasErrorCode(codeUnknownClusterArgs))
}

// Exists reports whether a collection could not be made because it is there.
func Exists(err error) bool {
	e, ok := errors.AsType[mongo.ServerError](err)
	return ok && e.HasErrorCode(codeNamespaceExists)
}

// MapErr turns an error of the driver into a fault; nil and faults pass. No document is NotFound, a duplicate key
// AlreadyExists. Everything else that a server or the network says is Unavailable, and the outcome of a write unknown.
func MapErr(op string, err error) error {
	if err == nil {
		return nil
	}
	code := fault.Unavailable
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		code = fault.NotFound
	case mongo.IsDuplicateKeyError(err):
		code = fault.AlreadyExists
	case errors.Is(err, context.DeadlineExceeded):
		code = fault.DeadlineExceeded
	}
	return fault.E(code, op, err)
}
