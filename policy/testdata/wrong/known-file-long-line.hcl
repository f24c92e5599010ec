tenant "acme" {
  domains     = ["acme.example"]
  known_files = ["lists/long.addresses"]
}
