journal "lmtp" { }
