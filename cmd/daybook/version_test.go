package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"daybook/archive"
)

// The version of the ledger's format stands in the header of each segment.
func TestLedgerFormat(t *testing.T) {
	dir := t.TempDir()
	a, err := archive.Open(dir, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(dir, "ledger", "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments %v, %v", segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := binary.BigEndian.Uint32(text[8:]); got != ledgerFormat {
		t.Errorf("the ledger says format %d, daybook version %d", got, ledgerFormat)
	}
}
