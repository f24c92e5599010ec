package main

type dedupCmd struct {
	Explain dedupExplainCmd `cmd:"" help:"Show why entries are one message, or are not."`
}
