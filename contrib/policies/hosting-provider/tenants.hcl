# Each tenant's mail is archived apart from that of all others. A domain has one
# tenant; what is no tenant's is elsewhere.

# The provider itself. Customers without a domain of their own have a name below
# harbor.example: "*.harbor.example" is every such name, at any depth, but not
# harbor.example itself. There is no list, so all addresses are known.
tenant "harbor" {
  description = "Harbor Hosting, our own mail and that of small customers"
  domains     = ["harbor.example", "*.harbor.example"]
}

# A law firm that tells us who works there, every night by rsync into this file.
# A reload reads it again.
tenant "birch" {
  description = "Birch & Partners, contract 2031"
  domains     = ["birch.example"]
  delimiter   = "+"
  known_files = ["birch.addresses"]
}

# An agency with its own outgoing server, which carries mail for its clients too.
tenant "dune" {
  description = "Dune Media, contract 2107"
  domains     = ["dune.example", "düne.example"]
}
