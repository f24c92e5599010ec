tenant "acme" { }
tenant "globex" { }
