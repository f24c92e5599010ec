package policy

import "github.com/hashicorp/hcl/v2"

// These are the blocks as they are written. Values are kept as attributes so
// that what is wrong with one can be shown in its place.

type rootBody struct {
	Servers []serverBody `hcl:"server,block"`
	Tenants []tenantBody `hcl:"tenant,block"`
	Milters []milterBody `hcl:"milter,block"`
	LMTPs   []lmtpBody   `hcl:"lmtp,block"`
}

type serverBody struct {
	Range      hcl.Range      `hcl:",def_range"`
	Data       *hcl.Attribute `hcl:"data,optional"`
	Hostname   *hcl.Attribute `hcl:"hostname,optional"`
	MinFree    *hcl.Attribute `hcl:"min_free,optional"`
	MaxMessage *hcl.Attribute `hcl:"max_message,optional"`
	Control    *hcl.Attribute `hcl:"control,optional"`
	Metrics    *hcl.Attribute `hcl:"metrics,optional"`
	LogLevel   *hcl.Attribute `hcl:"log_level,optional"`
	LogFormat  *hcl.Attribute `hcl:"log_format,optional"`
}

type tenantBody struct {
	Name        string         `hcl:"name,label"`
	Range       hcl.Range      `hcl:",def_range"`
	Description *hcl.Attribute `hcl:"description,optional"`
	Domains     *hcl.Attribute `hcl:"domains,optional"`
}

type milterBody struct {
	Name       string         `hcl:"name,label"`
	Range      hcl.Range      `hcl:",def_range"`
	Listen     *hcl.Attribute `hcl:"listen,optional"`
	Tenant     *hcl.Attribute `hcl:"tenant,optional"`
	OnFailure  *hcl.Attribute `hcl:"on_failure,optional"`
	MaxMessage *hcl.Attribute `hcl:"max_message,optional"`
}

type lmtpBody struct {
	Name          string         `hcl:"name,label"`
	Range         hcl.Range      `hcl:",def_range"`
	Listen        *hcl.Attribute `hcl:"listen,optional"`
	Tenant        *hcl.Attribute `hcl:"tenant,optional"`
	MaxMessage    *hcl.Attribute `hcl:"max_message,optional"`
	MaxRecipients *hcl.Attribute `hcl:"max_recipients,optional"`
	TLSCert       *hcl.Attribute `hcl:"tls_cert,optional"`
	TLSKey        *hcl.Attribute `hcl:"tls_key,optional"`
}
