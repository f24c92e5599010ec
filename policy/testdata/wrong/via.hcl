tenant "acme" { }
tenant "globex" { }
lmtp "local" { listen = "tcp:127.0.0.1:8024" }
journal "a" {
  tenant  = "acme"
  address = "a@archive.example"
  via     = ["lokal"]
}
journal "b" {
  tenant  = "acme"
  address = "b@archive.example"
  via     = ["smtp"]
}
journal "c" {
  tenant  = "acme"
  address = "c@archive.example"
  via     = []
}
journal "d" {
  tenant  = "globex"
  address = "d@archive.example"
  via     = "local"
}
