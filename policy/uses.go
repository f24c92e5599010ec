package policy

// Uses tells whether a fact or function is used anywhere in the rule's condition, by
// the name that [Expressions] gives it.
func (r *Rule) Uses(name string) bool { return r.when.Uses(name) }
