# A journal without any listener is taken by the default one.
journal "exchange" {
  address = "journal@archive.example"
}
