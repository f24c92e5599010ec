tenant "acme" { }
