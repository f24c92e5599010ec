package main

type journalCmd struct {
	Address journalAddressCmd `cmd:"" help:"Make a journal address that nobody can guess."`
	Test    journalTestCmd    `cmd:"" help:"Send a message to a journal, and see whether it is archived."`
}
