# A hosting provider: three tenants on two mail servers. The files of this folder
# are read together: tenants.hcl says whose mail it is, sources.hcl by which ways
# it comes, rules.hcl what is special, tests.hcl proves it.

server {
  data        = "/srv/daybook"
  hostname    = "archive.harbor.example"
  min_free    = "50GiB"
  max_message = "150MiB"
  metrics     = "tcp:127.0.0.1:9825"
  log_format  = "json"
}
