tenant "acme" {
  domains     = ["acme.example", "acme.test"]
  known_files = ["lists/bad.addresses"]
}
