package archive

import (
	"context"
	"fmt"

	"daybook/archive/ledger"
)

// RepairReport counts the segments of the ledger that Repair read, and what became
// of them.
type RepairReport struct {
	Segments int
	// Mended had damage and are whole again; Hopeless have damage that stays.
	Mended, Hopeless int
	// Made are whole, and got the parity file that they lacked.
	Made int
}

// Repair mends the ledger's segments from their parity files, where one damaged
// place is all there is, and makes parity files that are missing; see
// [ledger.Repair]. Nobody may have the archive open. With dryRun set nothing is
// changed, and found is told what would be. The catalog is not touched.
func Repair(ctx context.Context, dir string, o Options, dryRun bool, found func(ledger.Mending)) (RepairReport, error) {
	o.setDefaults()
	o.ReadOnly = false
	place := o.FS.PathJoin(dir, ledgerDir)
	if _, err := o.FS.Stat(place); err != nil {
		return RepairReport{}, fmt.Errorf("repair: %w", err)
	}
	a := &Archive{fs: o.FS, dir: dir, log: o.Logger, metrics: newMetrics()}
	defer a.release()
	if err := a.takeLock(false); err != nil {
		return RepairReport{}, err
	}
	var err error
	if a.codec, err = newCodec(); err != nil {
		return RepairReport{}, err
	}
	report, err := ledger.Repair(ctx, place, ledger.RepairOptions{
		FS: o.FS, DryRun: dryRun, Acknowledged: a.lastMark(&o).Position,
	}, found)
	if err != nil {
		err = fmt.Errorf("repair: %w", err)
	}
	return RepairReport(report), err
}
