// Package prometheus tests the alert rules.
package prometheus

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"daybook/archive"
	"daybook/archive/ingest"

	"github.com/prometheus/client_golang/prometheus"
)

// TestNames: the metrics that the rules ask for are those that Daybook has.
func TestNames(t *testing.T) {
	text, err := os.ReadFile("daybook.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(t.TempDir(), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	descriptions := make(chan *prometheus.Desc, 1000)
	for _, c := range append(a.Collectors(), ingest.New(ingest.Config{Archive: a}).Collectors()...) {
		c.Describe(descriptions)
	}
	close(descriptions)
	var have strings.Builder
	for d := range descriptions {
		have.WriteString(d.String())
	}
	names := regexp.MustCompile(`daybook_[a-z_]+`).FindAllString(string(text), -1)
	if len(names) == 0 {
		t.Fatal("the rules name no metric")
	}
	for _, name := range names {
		if !strings.Contains(have.String(), `"`+name+`"`) {
			t.Errorf("there is no metric %s", name)
		}
	}
}
