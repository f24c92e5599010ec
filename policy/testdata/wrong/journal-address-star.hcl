smtp "in" { listen = "tcp::25" }
journal "first" { }
journal "second" { address = "*" }
