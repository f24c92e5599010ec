lmtp "local" { listen = "unix:/run/daybook/lmtp.sock" }
journal "exchange" { allow_from = ["192.0.2.7"] }
