# A message that is the mail of two tenants needs an expect block for each, with
# its name. rule = "" says that no rule and no word decided.

test "harbor: a small customer below harbor.example" {
  source     = "mx"
  sender     = "friend@elsewhere.example"
  recipients = ["kim@flowers.harbor.example"]
  expect {
    tenant = "harbor"
    action = "archive"
    rule   = ""
  }
}

test "harbor: the probe" {
  source     = "mx"
  sender     = "probe@harbor.example"
  recipients = ["probe@harbor.example"]
  client { address = "10.20.0.9" }
  expect {
    action = "skip"
    rule   = "harbor-probe"
  }
}

test "harbor: others who write to the probe" {
  source     = "mx"
  sender     = "probe@harbor.example"
  recipients = ["probe@harbor.example"]
  client { address = "203.0.113.9" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "harbor: the probe's hosts write to others too" {
  source     = "mx"
  sender     = "probe@harbor.example"
  recipients = ["probe@harbor.example", "kim@flowers.harbor.example"]
  client { address = "10.20.0.8" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "harbor: the probe's hosts write to others only" {
  source     = "mx"
  sender     = "probe@harbor.example"
  recipients = ["kim@flowers.harbor.example"]
  client { address = "10.20.0.8" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "harbor: the probe is harbor's alone" {
  source     = "mx"
  sender     = "m.okafor@birch.example"
  recipients = ["probe@harbor.example"]
  client { address = "10.20.0.8" }
  expect {
    tenant = "birch"
    action = "archive"
    rule   = ""
  }
  expect {
    tenant = "harbor"
    action = "skip"
    rule   = "harbor-probe"
  }
}

test "harbor: a copy is no probe, whatever its header says" {
  source = "groupware-harbor"
  header = { To = "probe@harbor.example" }
  client { address = "10.20.0.9" }
  expect {
    tenant = "harbor"
    action = "archive"
    rule   = ""
  }
}

test "harbor: a complaint" {
  source     = "mx"
  sender     = "reports@elsewhere.example"
  recipients = ["abuse@flowers.harbor.example"]
  expect {
    action = "archive"
    rule   = "harbor-abuse"
    tags   = ["abuse"]
  }
}

test "harbor: mail of nobody" {
  source     = "mx"
  sender     = "a@elsewhere.example"
  recipients = ["b@elsewhere.example"]
  expect {
    tenant = "harbor"
    action = "archive"
    rule   = ""
  }
}

test "birch: a partner by an alias" {
  source     = "mx"
  sender     = "client@elsewhere.example"
  recipients = ["elena+urgent@birch.example"]
  expect {
    tenant = "birch"
    action = "archive"
    rule   = ""
  }
}

test "birch: an address that the firm has not told us" {
  source     = "mx"
  sender     = "client@elsewhere.example"
  recipients = ["intern@birch.example"]
  expect {
    tenant = "birch"
    action = "quarantine"
    rule   = "unknown_internal"
  }
}

test "birch: a court writes to an unknown address" {
  source     = "mx"
  sender     = "registry@leeds.justice.example"
  recipients = ["intern@birch.example"]
  expect {
    action = "archive"
    rule   = "birch-court"
    tags   = ["court"]
  }
}

test "birch: to a court" {
  source     = "mx"
  sender     = "m.okafor@birch.example"
  recipients = ["registry@leeds.justice.example", "client@elsewhere.example"]
  header     = { Subject = "[BP-2026-0117] Bundle" }
  expect {
    rule = "birch-court"
    tags = ["court"]
  }
}

test "birch: a case, by its number" {
  source     = "mx"
  sender     = "client@elsewhere.example"
  recipients = ["s.lind@birch.example"]
  header     = { Subject = "Re: [BP-2026-0117] Your letter" }
  expect {
    action = "archive"
    rule   = "birch-case"
    tags   = ["case"]
  }
}

test "birch: a large file leaves the firm" {
  source     = "mx"
  sender     = "s.lind@birch.example"
  recipients = ["somebody@elsewhere.example"]
  size       = "31MiB"
  header = {
    Subject             = "Files"
    Content-Type        = "application/zip"
    Content-Disposition = "attachment; filename=files.zip"
  }
  expect {
    tenant = "birch"
    action = "quarantine"
    rule   = "birch-large"
  }
}

test "birch: a large file stays in the firm" {
  source     = "mx"
  sender     = "s.lind@birch.example"
  recipients = ["e.birch@birch.example"]
  size       = "31MiB"
  header     = { Content-Type = "application/zip", Content-Disposition = "attachment" }
  expect { rule = "" }
}

test "two tenants decide, each for itself" {
  source     = "mx"
  sender     = "elena@birch.example"
  recipients = ["abuse@harbor.example"]
  header     = { Subject = "[BP-2026-0201] Notice" }
  expect {
    tenant = "birch"
    action = "archive"
    rule   = "birch-case"
    tags   = ["case"]
  }
  expect {
    tenant = "harbor"
    action = "archive"
    rule   = "harbor-abuse"
    tags   = ["abuse"]
  }
}

test "birch's rules are not for harbor" {
  source     = "mx"
  sender     = "client@elsewhere.example"
  recipients = ["kim@flowers.harbor.example"]
  header     = { Subject = "[BP-2026-0117] to the wrong address" }
  expect {
    tenant = "harbor"
    rule   = ""
  }
}

test "dune: its own mail" {
  source     = "dune"
  sender     = "lea@xn--dne-hoa.example"
  recipients = ["client@elsewhere.example"]
  expect {
    action = "archive"
    rule   = ""
  }
}

test "dune: a client's mail is not kept" {
  source     = "dune"
  sender     = "shop@client.example"
  recipients = ["buyer@elsewhere.example"]
  expect {
    tenant = "dune"
    action = "skip"
    rule   = "non_internal"
  }
}

test "dune: a blind copy to dune makes it dune's" {
  source     = "dune"
  sender     = "shop@client.example"
  recipients = ["buyer@elsewhere.example", "lea@dune.example"]
  header     = { To = "buyer@elsewhere.example" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "dune: a campaign" {
  source     = "dune"
  sender     = "news@dune.example"
  recipients = ["reader@elsewhere.example"]
  client {
    address = "10.20.0.31"
    user    = "campaigns"
    tls     = "TLSv1.3 TLS_AES_256_GCM_SHA384"
  }
  expect {
    action = "skip"
    rule   = "dune-campaign"
  }
}

test "dune: what looks like a campaign" {
  source     = "dune"
  sender     = "news@dune.example"
  recipients = ["reader@elsewhere.example"]
  client {
    address = "10.20.0.31"
    user    = "lea"
    tls     = "TLSv1.3 TLS_AES_256_GCM_SHA384"
  }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "dune: the login without TLS" {
  source     = "dune"
  sender     = "news@dune.example"
  recipients = ["reader@elsewhere.example"]
  client {
    address = "10.20.0.31"
    user    = "campaigns"
  }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "a login of this name on mx is another one" {
  source     = "mx"
  sender     = "s.lind@birch.example"
  recipients = ["reader@elsewhere.example"]
  client {
    address = "203.0.113.4"
    user    = "campaigns"
    tls     = "TLSv1.3 TLS_AES_256_GCM_SHA384"
  }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "groupware: a copy for birch, whose recipients are not known" {
  source = "groupware-birch"
  header = { From = "kim@flowers.harbor.example", To = "nobody@birch.example" }
  expect {
    tenant = "birch"
    action = "archive"
    rule   = ""
  }
}

test "groupware: a copy for dune" {
  source = "groupware-dune"
  header = { From = "a@elsewhere.example", To = "b@elsewhere.example" }
  expect {
    tenant = "dune"
    action = "archive"
    rule   = ""
  }
}
