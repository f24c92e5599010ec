package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"

	"daybook/archive"
)

type quarantineReleaseCmd struct {
	place  `embed:""`
	Reason string    `placeholder:"TEXT" help:"Why; it is recorded."`
	ID     []entryID `arg:"" name:"id" help:"Numbers of entries, as daybook quarantine list shows them."`
}

type quarantineKeepCmd struct {
	place  `embed:""`
	Reason string    `placeholder:"TEXT" help:"Why; it is recorded."`
	ID     []entryID `arg:"" name:"id" help:"Numbers of entries, as daybook quarantine list shows them."`
}

const settleHelp = ` Other entries of the same message stay as they are; daybook dedup explain lists them. An event records who did it, when and why. With a daemon it is the daemon who does it; without one the archive is opened for writing.

Exit status: 0 when it was done for all of them, 1 when it was not for one, which is named, or the work failed, 2 for wrong flags and a data folder that cannot be opened.`

// Help is the long help of the command.
func (*quarantineReleaseCmd) Help() string {
	return `Lets messages out of quarantine: they are listed and exported with all others from now on.` + settleHelp
}

// Help is the long help of the command.
func (*quarantineKeepCmd) Help() string {
	return `Confirms that messages stay in quarantine: they are listed there as kept, no longer as waiting.` + settleHelp
}

// Run releases.
func (c *quarantineReleaseCmd) Run(env *environment) error {
	return settle(env, &c.place, c.ID, verdict{Release: true, Reason: c.Reason})
}

// Run keeps.
func (c *quarantineKeepCmd) Run(env *environment) error {
	return settle(env, &c.place, c.ID, verdict{Reason: c.Reason})
}

// maxReason bounds a reason, in bytes: the request that carries it is bounded.
const maxReason = 8 << 10

// settle carries a verdict out, one entry after the other.
func settle(env *environment, p *place, ids []entryID, v verdict) error {
	if len(v.Reason) > maxReason {
		return refuse("--reason", fmt.Errorf("it has %d bytes", len(v.Reason)), fmt.Sprintf("say it in %d", maxReason))
	}
	v.Actor = actor()
	done := "kept in quarantine"
	if v.Release {
		done = "released"
	}
	s, err := openWith(env.ctx, p, openToSettle)
	if err != nil {
		return err
	}
	return useStore(s, func(s store) error {
		failed := 0
		for _, id := range ids {
			e, err := s.Settle(env.ctx, uint64(id), v)
			switch {
			case err == nil:
				if _, err := fmt.Fprintf(env.stdout, "%d %s, recorded as event %d\n", id, done, e.ID); err != nil {
					return err
				}
			case errors.Is(err, archive.ErrNotFound), errors.Is(err, archive.ErrNotQuarantined), isDamage(err):
				failed++
				fmt.Fprintln(env.stderr, clean("daybook: "+err.Error()))
			default:
				return err
			}
		}
		if failed > 0 {
			return fail("", fmt.Errorf("%d of %s failed", failed, plural(len(ids), "entry", "entries")), "daybook quarantine list shows what is there")
		}
		return nil
	})
}

// actor is who runs the command, for the record.
func actor() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "user " + strconv.Itoa(os.Getuid())
}
