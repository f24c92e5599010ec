package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The identity stands in every segment's header and in a file of its own, so
// that the records of a segment whose header is damaged can still be told from
// other bytes.
const (
	identityFile   = "identity"
	identityPrefix = "daybook ledger "
)

func isNotExist(err error) bool { return errors.Is(err, iofs.ErrNotExist) }

func newIdentity() identity {
	var id identity
	rand.Read(id[:]) // never fails (crypto/rand)
	return id
}

// readIdentity reads the identity file. It reports false when there is none or
// it is damaged.
func readIdentity(fs vfs.FS, dir string) (identity, bool, error) {
	var id identity
	f, err := fs.Open(fs.PathJoin(dir, identityFile))
	if isNotExist(err) {
		return id, false, nil
	}
	if err != nil {
		return id, false, fmt.Errorf("read ledger identity: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 100))
	if err != nil {
		return id, false, fmt.Errorf("read ledger identity: %w", err)
	}
	digits := strings.TrimSuffix(strings.TrimPrefix(string(text), identityPrefix), "\n")
	b, err := hex.DecodeString(digits)
	if err != nil || copy(id[:], b) != len(id) || id.text() != string(text) {
		return identity{}, false, nil
	}
	return id, true, nil
}

// text is what the identity file holds.
func (id identity) text() string {
	return identityPrefix + hex.EncodeToString(id[:]) + "\n"
}
