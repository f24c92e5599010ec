smtp "in" { listen = "tcp::25" }
journal "exchange" { allow_from = [] }
