package main

import "fmt"

type dictionaryTrainCmd struct {
	place  `embed:""`
	Tenant string `required:"" placeholder:"NAME" help:"Whose mail to train it on."`
}

// Help is the long help of the command.
func (*dictionaryTrainCmd) Help() string {
	return aboutDictionaries + `

Trains one on a tenant's latest mail now. It takes more than a hundred entries of the tenant among the latest of the archive. The dictionary is tried on entries that it was not trained on, and kept only when it saves enough compared with the one in use. It serves from the next mail on; what is archived already stays as it is. Capture goes on meanwhile.

Exit status: 0 when a dictionary was kept, 1 when none was or the work failed, 2 for a tenant without mail, wrong flags and a data folder that cannot be read or written.`
}

// Run trains.
func (c *dictionaryTrainCmd) Run(env *environment) error {
	s, err := openWith(env.ctx, &c.place, openToSettle)
	if err != nil {
		return err
	}
	return useStore(s, func(s store) error {
		d, err := s.Train(env.ctx, c.Tenant)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(env.stdout, clean(fmt.Sprintf("dictionary %d of tenant %s, %s: saves %s of what the facts of an entry took before",
			d.Number, d.Tenant, readableSize(d.Bytes), d.saving())))
		return err
	})
}
