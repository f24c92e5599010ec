smtp "in" { listen = "tcp::25" }
journal "missing" {
  address = "a@archive.example"
  auth {
    user          = "a"
    password_file = "no-such.password"
  }
}
journal "folder" {
  address = "b@archive.example"
  auth {
    user          = "b"
    password_file = "lists"
  }
}
journal "empty" {
  address = "c@archive.example"
  auth {
    user          = "c"
    password_file = "lists/nobody.addresses"
  }
}
