lmtp "smtp" { listen = "tcp:127.0.0.1:8024" }
smtp "lmtp" { listen = "tcp::25" }
