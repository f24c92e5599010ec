// Package message has the nouns of mail that the rest of Daybook shares: the
// envelope of a transaction and what a message's header says. It reads messages
// and never rewrites them, and nothing in it fails: of a message that cannot be
// parsed it tells what can be told. All its work is bounded, whatever the bytes.
package message
