smtp "in" { listen = "tcp::25" }
journal "a" { address = "journal" }
journal "b" { address = "journal@" }
journal "d" { address = "two addresses@archive.example" }
journal "e" { address = "" }
