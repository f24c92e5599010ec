package milter

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"sync"
	"testing"
)

// TestMain fails if the library wrote to the standard logger.
func TestMain(m *testing.M) {
	var written lockedBuffer
	log.SetOutput(&written)
	code := m.Run()
	if text := written.String(); text != "" {
		fmt.Fprintf(os.Stderr, "the standard logger was used:\n%s", text)
		code = 1
	}
	os.Exit(code)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
