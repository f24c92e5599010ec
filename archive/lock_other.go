//go:build !linux

package archive

import (
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// shareLock takes the archive's lock. Where readers cannot share one, each has it
// for itself.
func shareLock(path string) (io.Closer, error) { return vfs.Default.Lock(path) }
