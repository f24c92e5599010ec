variable   = recipient[0].internal
near       = sender.adress == "x"
far        = sender.zzzzzzzz == "x"
group      = sender == "x"
deep       = sender.domain.name == "x"
root       = mesage.size > 1
local      = any([for r in recipients : rr.internal])
outside    = any([for r in recipients : r.internal]) && r.internal
attribute  = recipients[0].interal
splat      = any(recipients[*].intern)
function   = containz(tags, "x")
unheard    = frobnicate(tags)
namespaced = provider::any(tags)
several    = sender.adress == "x" && mesage.size > "1" || matchez(tags, "x")
