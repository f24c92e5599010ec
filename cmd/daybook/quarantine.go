package main

type quarantineCmd struct {
	List    quarantineListCmd    `cmd:"" help:"List what is in quarantine, and why."`
	Release quarantineReleaseCmd `cmd:"" help:"Let messages out of quarantine."`
	Keep    quarantineKeepCmd    `cmd:"" help:"Confirm that messages stay in quarantine."`
}
