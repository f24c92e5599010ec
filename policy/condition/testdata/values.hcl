word         = source.kind == "lmpt"
word-far     = source.kind != "smtp"
word-turned  = "smtp" == source.kind
word-list    = contains(["milter", "smtp"], source.kind)
word-attr    = contains(recipients[*].kind, "grup")
upper        = sender.domain == "Example.com"
upper-not    = sender.domain != "Example.com"
upper-list   = contains(["a.com", "B.com"], sender.domain)
upper-attr   = contains(recipients[*].domain, "Acme.test")
upper-loop   = any([for r in recipients : r.domain == "Acme.test"])
upper-tags   = contains(tags, "Red") || tags[0] == "Red"
upper-starts = starts_with(sender.domain, "Ex")
upper-lower  = lower(sender.address) == "Anna@example.com"
upper-try    = try(recipients[3].domain, sender.domain) == "Example.com"
zero         = 1 / 0 > 1
range        = ["a"][1] == "a"
