package policy

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// seal notes the files of a policy, first those of the language and then the lists
// of addresses, and takes their digest.
func (p *Policy) seal(names []string, texts [][]byte, lists []File) {
	folder := filepath.Dir(names[0])
	for i, name := range names {
		p.Files = append(p.Files, File{
			Name: nameIn(folder, name), Path: name,
			Size: int64(len(texts[i])), SHA256: sha256.Sum256(texts[i]),
		})
	}
	for i := range lists {
		lists[i].Name = nameIn(folder, lists[i].Path)
	}
	slices.SortStableFunc(lists, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	lists = slices.CompactFunc(lists, func(a, b File) bool { return a.Name == b.Name && a.SHA256 == b.SHA256 })
	p.Files = append(p.Files, lists...)
	h := sha256.New()
	for i := range p.Files {
		fmt.Fprint(h, sumLine(&p.Files[i]))
	}
	h.Sum(p.Digest[:0])
}

// sumLine is the line that sha256sum(1) prints for a file. A name with line ends is
// escaped, or one file could pass for two.
func sumLine(f *File) string {
	escape := ""
	if strings.ContainsAny(f.Name, "\\\n\r") {
		escape = `\`
	}
	return fmt.Sprintf("%s%x  %s\n", escape, f.SHA256, strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(f.Name))
}

// nameIn gives a path as seen from the folder, so that a copy of the folder has the
// same digest; what is elsewhere has its absolute path.
func nameIn(folder, path string) string {
	from, err := filepath.Abs(folder)
	if err != nil {
		return filepath.ToSlash(path)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return filepath.ToSlash(path)
	}
	name, err := filepath.Rel(from, full)
	if err != nil || name == ".." || strings.HasPrefix(name, ".."+string(filepath.Separator)) {
		return filepath.ToSlash(full)
	}
	return filepath.ToSlash(name)
}
