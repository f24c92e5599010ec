package main

import (
	"bufio"
	"io"
	"strings"
)

// table prints rows in columns. It looks at the rows of a page to find how wide
// the columns are and then prints the page, so that a long listing begins at
// once; a later page may be wider, never narrower.
type table struct {
	out    *bufio.Writer
	right  []bool // columns aligned to the right
	widths []int
	page   [][]string
}

const pageRows = 200

// newTable begins a table. A title that starts with ">" aligns its column to the
// right.
func newTable(w io.Writer, titles ...string) *table {
	t := &table{out: bufio.NewWriter(w), right: make([]bool, len(titles)), widths: make([]int, len(titles))}
	for i, title := range titles {
		if t.right[i] = strings.HasPrefix(title, ">"); t.right[i] {
			titles[i] = title[1:]
		}
	}
	t.page = append(t.page, titles)
	return t
}

// row adds a row. The cells are cleaned here.
func (t *table) row(cells ...string) error {
	for i := range cells {
		cells[i] = clean(cells[i])
	}
	t.page = append(t.page, cells)
	if len(t.page) < pageRows {
		return nil
	}
	return t.flush()
}

// flush prints what has been added so far.
func (t *table) flush() error {
	for _, row := range t.page {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], cells(cell))
		}
	}
	for _, row := range t.page {
		t.print(row)
	}
	t.page = t.page[:0]
	return t.out.Flush()
}

// print writes one row; the writer keeps its first error for Flush.
func (t *table) print(row []string) {
	last := len(row) - 1
	for i, cell := range row {
		pad := strings.Repeat(" ", t.widths[i]-cells(cell))
		switch {
		case t.right[i]:
			t.out.WriteString(pad + cell)
		case i < last:
			t.out.WriteString(cell + pad)
		default:
			t.out.WriteString(cell)
		}
		if i < last {
			t.out.WriteString("  ")
		}
	}
	t.out.WriteByte('\n')
}
