# Exchange on premises and Microsoft 365, both journaling, and a gateway in front
# of them. The files of this folder are read together: sources.hcl has the ways in,
# rules.hcl says what is special, tests.hcl proves it.

server {
  data        = "/var/lib/daybook"
  hostname    = "journal.alder.example"
  min_free    = "20GiB"
  max_message = "200MiB" # a report is larger than the message inside
  metrics     = "tcp:127.0.0.1:9825"
}

# All domains whose mailboxes are in either place, those that only Exchange itself
# uses included: in mail between the two places they stand in the envelope.
tenant "alder" {
  description = "Alder Instruments"
  domains = [
    "alder.example",
    "alder-instruments.example",
    "alder.onmicrosoft.example", # yours end in onmicrosoft.com
    "alder.mail.onmicrosoft.example",
  ]
}
