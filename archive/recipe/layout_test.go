package recipe

import "testing"

// TestLayouts has the layouts of the package comment, written by hand: what is on disk
// is read for ever.
func TestLayouts(t *testing.T) {
	const text = "quick brown fox" // cXVpY2sgYnJvd24gZm94
	for _, c := range []struct {
		name   string
		form   Form
		stored string
		layout string
		want   string
	}{
		{"lines of 8", FormBase64, text, "\x00\x08", "cXVpY2sg\r\nYnJvd24g\r\nZm94"},
		{"LF, also behind the last line", FormBase64, text, "\x05\x08", "cXVpY2sg\nYnJvd24g\nZm94\n"},
		{"an own end of lines", FormBase64, text, "\x02\x10\x02 \n", "cXVpY2sgYnJvd24g \nZm94"},
		{"an own end of the last line", FormBase64, text, "\x09\x0a\x02\r\r", "cXVpY2sgYn\nJvd24gZm94\r\r"},
		{"from a column on", FormBase64, text, "\x10\x0a\x03", "cXVpY2s\r\ngYnJvd24gZ\r\nm94"},
		{"one line", FormBase64, text, "\x00\x7f", "cXVpY2sgYnJvd24gZm94"},
		{"padding", FormBase64, "quick", "\x00\x08", "cXVpY2s="},
		{"no padding", FormBase64, "quick", "\x20\x01\x05\x00\x01\x08", "cXVpY2s"},
		{"more padding", FormBase64, "quick", "\x20\x01\x05\x30\x01\x7f", "cXVpY2s==="},
		{"other bits", FormBase64, "quick", "\x20\x01\x05\x12\x01\x7f", "cXVpY2u="},
		{"two encodings, and a third", FormBase64, "quickquickfox", "\x20\x02\x05\x10\x02\x03\x00\x01\x08", "cXVpY2s=\r\ncXVpY2s=\r\nZm94"},
		{"listed lines", FormBase64, text, "\x03\x04\x02\x01\x06\x01\x03\x02\t\n\x04\x01\x03\x02\x01\x00", "cXVp\r\nY2sg\r\nYnJvd2\t\n4gZm\t\n94"},
		{"nothing", FormBase64, "", "\x04\x08", "\r\n"},
		{"escapes", FormQuoted, "a=b\tü\r\n", "\x00\x4b", "a=3Db\t=C3=BC\r\n"},
		{"lower case", FormQuoted, "ü", "\x40\x4b", "=c3=bc"},
		{"soft breaks", FormQuoted, text, "\x00\x06", "quick =\r\nbrown =\r\nfox"},
		{"soft breaks with LF", FormQuoted, text, "\x01\x06", "quick =\nbrown =\nfox"},
		{"the last column is used", FormQuoted, "abcdef\nabcdefg\nabcü\n", "\x02\x05", "abcdef\nabcde=\r\nfg\nabc=\r\n=C3=\r\n=BC\n"},
		{"and by an escape", FormQuoted, "abc\xff\nabcd\xff\n", "\x04\x05", "abc=FF\nabcd=\r\n=FF\n"},
		{"blanks at the end of lines", FormQuoted, "a \n b\t\r\n", "\x08\x4b", "a=20\n b=09\r\n"},
		{"a set", FormQuoted, "a,b\r\n=", "\x10\x4b\x04,\r\n=", "a=2Cb=0D=0A="},
		{"odd bytes", FormQuoted, "a==b=", "\x20\x4b\x02\x00\x01", "=61=3D=b=3D"},
		{"characters are not parted", FormQuoted, "abüü", "\x80\x01\x09", "ab=C3=BC=\r\n=C3=BC"},
		{"words are not parted", FormQuoted, text, "\x80\x02\x0a", "quick =\r\nbrown fox"},
		{"words are not parted, and blanks are in the set", FormQuoted, text, "\x90\x02\x0c\x01 ", "quick=20brow=\r\nn=20fox"},
		{"dots", FormQuoted, ".a.\n.", "\x80\x04\x4b", "=2Ea.\n=2E"},
		{"From", FormQuoted, "From a\nFrom", "\x80\x08\x4b", "=46rom a\nFrom"},
		{"in the midst of a line", FormQuoted, text, "\x00\x06\x00\x03", "qu=\r\nick br=\r\nown fo=\r\nx"},
		{"odd lines", FormQuoted, text, "\x00\x08\x00\x03\x01\x00", "qu=\r\nick brow=\r\nn fox"},
		{"a soft break at the end and at the beginning", FormQuoted, "ab", "\x00\x08\x00\x01\x00\x03", "=\r\nab=\r\n"},
		{"folded, one line", FormFolded, text, "\x00", "cXVpY2sgYnJvd24gZm94"},
		{"folded with a tab", FormFolded, "quick", "\x0d\x03\x04", "cXV\r\n\tpY2s\r\n\t="},
		{"folded with nine blanks", FormFolded, text, "\x49\x08\x09", "cXVpY2sg\r\n         YnJvd24gZ\r\n         m94"},
		{"folded with LF, tab and blank", FormFolded, text, "\x17\x0a\x0a", "cXVpY2sgYn\n\t Jvd24gZm94"},
		{"folded otherwise", FormFolded, text, "\x01\x02\n\v\x0a\x0a", "cXVpY2sgYn\n\vJvd24gZm94"},
		{"a first line that is not full", FormFolded, text, "\x09\x20\x20", "cXVpY2sgYnJvd24gZm94"},
		{"encoded twice", FormFolded, "quick", "\x02\x00", "Y1hWcFkycz0="},
		{"encoded twice, in words", FormFolded, "quick", "\x02\x01\x0e?=\n =?utf-8?B?\x08\x08", "Y1hWcFky?=\n =?utf-8?B?cz0="},
	} {
		p := Piece{Wire: int64(len(c.want)), Stored: len(c.stored), Form: c.form, Layout: []byte(c.layout)}
		got, err := p.AppendWire(nil, []byte(c.stored))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}
