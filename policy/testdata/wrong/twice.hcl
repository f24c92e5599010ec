tenant "acme" { }
tenant "acme" { }
milter "in" { listen = "tcp:127.0.0.1:8891" }
lmtp "in" { listen = "127.0.0.1:8891" }
