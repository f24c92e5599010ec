server {
  control = "tcp:127.0.0.1:99"
  metrics = "127.0.0.1"
}
milter "a" { listen = "/run/daybook/milter.sock" }
milter "b" { listen = "unix:milter.sock" }
milter "c" { listen = 8891 }
lmtp "d" { listen = "tcp:127.0.0.1:70000" }
lmtp "e" { listen = "tcp:127.0.0.1" }
lmtp "f" { listen = "tcp:300.1.1.1:25" }
lmtp "g" { listen = "inet:8024@localhost" }
