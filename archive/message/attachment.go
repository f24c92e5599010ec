package message

// HasAttachment tells whether a message has a part that is meant to be a file, or a
// message in it. Raw is the beginning of the message; what stands behind it is not
// known.
func HasAttachment(raw []byte) bool {
	s, err := scan(input{size: int64(len(raw)), held: raw})
	return err == nil && s.HasAttachment()
}

// HasAttachment tells whether a message has a part that is meant to be a file, or a
// message in it.
func (s *Structure) HasAttachment() bool {
	for i := range s.Parts {
		if p := &s.Parts[i]; p.Attachment || isMessage(p.MediaType) {
			return true
		}
	}
	return false
}
