root-string  = sender.domain
root-number  = message.size
root-list    = recipients[*].internal
root-objects = recipients
root-true    = "true"
and          = sender.domain && message.signed
or           = message.signed || "true"
not          = !message.size
negative     = -sender.domain == 1
arithmetic   = message.size + "1" > 2
unit         = message.size * "10MiB" > 2
number-text  = message.size == "4096"
number-size  = message.size == "10MiB"
text-number  = sender.domain != 5
bool-text    = message.signed == "true"
time-text    = message.date == "2026-01-01"
time-less    = message.date < "2026-01-01"
less-text    = message.size > "10MiB"
less-strings = sender.domain < "b"
less-bools   = message.signed < true
facts        = message.size == sender.domain
conditional  = message.size ? true : false
results      = message.signed ? 1 : "1"
lists        = message.signed ? tags : tags
template     = "${message.signed}" == "x${message.signed}"
null         = sender.domain == null
object       = { a = 1 } == 1
template-for = "%{ for x in tags }a%{ endfor }" == "a"
huge         = message.size < 1e999
same         = sender.domain == sender.domain
twice        = message.signed && message.size > 1 && message.signed
