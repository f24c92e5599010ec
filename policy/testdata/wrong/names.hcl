smtp "exchange" { listen = "tcp::25" }
journal "exchange" { via = ["exchange"] }
milter "no blanks" { listen = "tcp:127.0.0.1:8891" }
milter "" { listen = "tcp:127.0.0.1:8892" }
