tenant "acme" {
  domains     = ["acme.example"]
  known_files = ["lists/names.addresses"]
}
