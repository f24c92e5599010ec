string-attr  = recipients.domain == "x"
number-attr  = recipients.number > 1
bool-attr    = recipients.internal
time-attr    = recipients.seen < message.date
no-attr      = recipients.domian == "x"
equal        = recipients[*].domain == "x"
equal-turned = 5 == recipients[*].number
equal-lists  = tags == message.attachments
one-object   = recipients[0] == recipients[1]
empty        = contains([], "x")
mixed        = contains(["x", 1], "x")
nested       = any([["x"]])
objects      = any([recipients[0]])
index-string = recipients["a"].internal
index-fact   = tags[sender.domain] == "x"
index-minus  = tags[-1] == "x"
index-half   = tags[0.5] == "x"
not-a-list   = sender.domain[0] == "x"
splat-scalar = any(message.signed[*])
loop-scalar  = any([for x in sender.domain : true])
loop-index   = any([for i, x in tags : i > 0])
loop-object  = any({ for x in tags : x => x })
loop-lists   = any([for x in tags : tags])
loop-if      = any([for x in tags : true if x])
