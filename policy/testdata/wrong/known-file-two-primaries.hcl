tenant "acme" {
  domains     = ["acme.example"]
  known       = ["office@acme.example info@acme.example"]
  known_files = ["lists/two-primaries.addresses", "lists/two-primaries-2.addresses"]
}
