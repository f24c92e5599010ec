package milter

import (
	"encoding/binary"
	"fmt"

	gomilter "github.com/emersion/go-milter"
)

// offer is an MTA's SMFIC_OPTNEG: what it can do.
type offer struct {
	version  uint32
	protocol gomilter.OptProtocol
}

// parseOffer reads an SMFIC_OPTNEG frame: version, actions (SMFIF_*) and
// protocol bits (SMFIP_*), 32 bits each. Actions are skipped: none are wanted.
func parseOffer(payload []byte) (offer, error) {
	if len(payload) < 12 {
		return offer{}, fmt.Errorf("SMFIC_OPTNEG of %d bytes", len(payload))
	}
	o := offer{
		version:  binary.BigEndian.Uint32(payload),
		protocol: gomilter.OptProtocol(binary.BigEndian.Uint32(payload[8:])),
	}
	if o.version < 2 {
		return offer{}, fmt.Errorf("milter protocol version %d is too old", o.version)
	}
	return o, nil
}

// grant returns the protocol bits to ask for. An MTA refuses a filter that asks
// for a bit it did not offer.
func (o offer) grant() gomilter.OptProtocol {
	const wanted = gomilter.OptHeaderLeadingSpace |
		gomilter.OptNoUnknown | gomilter.OptNoData |
		gomilter.OptNoConnReply | gomilter.OptNoHeloReply |
		gomilter.OptNoMailReply | gomilter.OptNoRcptReply |
		gomilter.OptNoHeaderReply | gomilter.OptNoEOHReply | gomilter.OptNoBodyReply
	return o.protocol & wanted
}

// answerOffer is the SMFIC_OPTNEG that asks for protocol bits and for no actions.
// To a filter of version 2 MTAs show neither SMFIC_UNKNOWN nor SMFIC_DATA, and
// they keep to all bits that they have offered.
func answerOffer(protocol gomilter.OptProtocol) []byte {
	const version, actions = 2, 0
	b := []byte{0, 0, 0, 13, byte(gomilter.CodeOptNeg)}
	for _, word := range []uint32{version, actions, uint32(protocol)} {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	return b
}
