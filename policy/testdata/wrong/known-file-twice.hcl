tenant "acme" {
  domains     = ["acme.example"]
  known_files = ["lists/acme.addresses", "./lists/acme.addresses"]
}
