# The same address at two listeners is two journals'.
smtp "east" { listen = "192.0.2.1:25" }
smtp "west" { listen = "192.0.2.2:25" }
journal "east-mail" {
  address = "journal@archive.example"
  via     = ["east"]
}
journal "west-mail" {
  address = "journal@archive.example"
  via     = ["west"]
}
