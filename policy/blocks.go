package policy

import "github.com/hashicorp/hcl/v2"

// These are the blocks as they are written. Values are kept as attributes so
// that what is wrong with one can be shown in its place.

type rootBody struct {
	Servers  []serverBody  `hcl:"server,block"`
	Tenants  []tenantBody  `hcl:"tenant,block"`
	Milters  []milterBody  `hcl:"milter,block"`
	LMTPs    []lmtpBody    `hcl:"lmtp,block"`
	SMTPs    []smtpBody    `hcl:"smtp,block"`
	Journals []journalBody `hcl:"journal,block"`
	Rules    []ruleBody    `hcl:"rule,block"`
	Tests    []testBody    `hcl:"test,block"`
}

type serverBody struct {
	Range       hcl.Range      `hcl:",def_range"`
	Data        *hcl.Attribute `hcl:"data,optional"`
	Hostname    *hcl.Attribute `hcl:"hostname,optional"`
	MinFree     *hcl.Attribute `hcl:"min_free,optional"`
	MaxMessage  *hcl.Attribute `hcl:"max_message,optional"`
	MaxInFlight *hcl.Attribute `hcl:"max_in_flight,optional"`
	Control     *hcl.Attribute `hcl:"control,optional"`
	Metrics     *hcl.Attribute `hcl:"metrics,optional"`
	LogLevel    *hcl.Attribute `hcl:"log_level,optional"`
	LogFormat   *hcl.Attribute `hcl:"log_format,optional"`
}

type tenantBody struct {
	Name        string         `hcl:"name,label"`
	Range       hcl.Range      `hcl:",def_range"`
	Description *hcl.Attribute `hcl:"description,optional"`
	Domains     *hcl.Attribute `hcl:"domains,optional"`
	Delimiter   *hcl.Attribute `hcl:"delimiter,optional"`
	Known       *hcl.Attribute `hcl:"known,optional"`
	KnownFiles  *hcl.Attribute `hcl:"known_files,optional"`
}

// sourceKeys are the keys that all sources have. The blocks repeat them, because
// an unknown key is compared with those of one struct only.
type sourceKeys struct {
	Tenant          *hcl.Attribute
	Tenants         *hcl.Attribute
	Unclaimed       *hcl.Attribute
	NonInternal     *hcl.Attribute
	UnknownInternal *hcl.Attribute
	MaxAge          *hcl.Attribute
	OnOld           *hcl.Attribute
	Inactivity      *hcl.Attribute
	Suspended       *hcl.Attribute
	Log             *hcl.Attribute
	Dedup           *dedupBody
}

type milterBody struct {
	Name            string         `hcl:"name,label"`
	Range           hcl.Range      `hcl:",def_range"`
	Listen          *hcl.Attribute `hcl:"listen,optional"`
	OnFailure       *hcl.Attribute `hcl:"on_failure,optional"`
	MaxMessage      *hcl.Attribute `hcl:"max_message,optional"`
	Tenant          *hcl.Attribute `hcl:"tenant,optional"`
	Tenants         *hcl.Attribute `hcl:"tenants,optional"`
	Unclaimed       *hcl.Attribute `hcl:"unclaimed,optional"`
	NonInternal     *hcl.Attribute `hcl:"non_internal,optional"`
	UnknownInternal *hcl.Attribute `hcl:"unknown_internal,optional"`
	MaxAge          *hcl.Attribute `hcl:"max_age,optional"`
	OnOld           *hcl.Attribute `hcl:"on_old,optional"`
	Inactivity      *hcl.Attribute `hcl:"inactivity,optional"`
	Suspended       *hcl.Attribute `hcl:"suspended,optional"`
	Log             *hcl.Attribute `hcl:"log,optional"`
	Dedup           *dedupBody     `hcl:"extended_dedup,block"`
}

// lmtpBody lacks one key of smtpBody, and can be converted to it.
type lmtpBody struct {
	Name                    string         `hcl:"name,label"`
	Range                   hcl.Range      `hcl:",def_range"`
	Listen                  *hcl.Attribute `hcl:"listen,optional"`
	MaxMessage              *hcl.Attribute `hcl:"max_message,optional"`
	MaxRecipients           *hcl.Attribute `hcl:"max_recipients,optional"`
	TLSCert                 *hcl.Attribute `hcl:"tls_cert,optional"`
	TLSKey                  *hcl.Attribute `hcl:"tls_key,optional"`
	ClientCA                *hcl.Attribute `hcl:"client_ca,optional"`
	Proxies                 *hcl.Attribute `hcl:"proxies,optional"`
	MaxConnections          *hcl.Attribute `hcl:"max_connections,optional"`
	MaxConnectionsPerClient *hcl.Attribute `hcl:"max_connections_per_client,optional"`
	MessagesPerMinute       *hcl.Attribute `hcl:"messages_per_minute,optional"`
	TLSOnConnect            *hcl.Attribute
	Tenant                  *hcl.Attribute `hcl:"tenant,optional"`
	Tenants                 *hcl.Attribute `hcl:"tenants,optional"`
	Unclaimed               *hcl.Attribute `hcl:"unclaimed,optional"`
	NonInternal             *hcl.Attribute `hcl:"non_internal,optional"`
	UnknownInternal         *hcl.Attribute `hcl:"unknown_internal,optional"`
	MaxAge                  *hcl.Attribute `hcl:"max_age,optional"`
	OnOld                   *hcl.Attribute `hcl:"on_old,optional"`
	Inactivity              *hcl.Attribute `hcl:"inactivity,optional"`
	Suspended               *hcl.Attribute `hcl:"suspended,optional"`
	Log                     *hcl.Attribute `hcl:"log,optional"`
	Dedup                   *dedupBody     `hcl:"extended_dedup,block"`
}

type smtpBody struct {
	Name                    string         `hcl:"name,label"`
	Range                   hcl.Range      `hcl:",def_range"`
	Listen                  *hcl.Attribute `hcl:"listen,optional"`
	MaxMessage              *hcl.Attribute `hcl:"max_message,optional"`
	MaxRecipients           *hcl.Attribute `hcl:"max_recipients,optional"`
	TLSCert                 *hcl.Attribute `hcl:"tls_cert,optional"`
	TLSKey                  *hcl.Attribute `hcl:"tls_key,optional"`
	ClientCA                *hcl.Attribute `hcl:"client_ca,optional"`
	Proxies                 *hcl.Attribute `hcl:"proxies,optional"`
	MaxConnections          *hcl.Attribute `hcl:"max_connections,optional"`
	MaxConnectionsPerClient *hcl.Attribute `hcl:"max_connections_per_client,optional"`
	MessagesPerMinute       *hcl.Attribute `hcl:"messages_per_minute,optional"`
	TLSOnConnect            *hcl.Attribute `hcl:"tls_on_connect,optional"`
	Tenant                  *hcl.Attribute `hcl:"tenant,optional"`
	Tenants                 *hcl.Attribute `hcl:"tenants,optional"`
	Unclaimed               *hcl.Attribute `hcl:"unclaimed,optional"`
	NonInternal             *hcl.Attribute `hcl:"non_internal,optional"`
	UnknownInternal         *hcl.Attribute `hcl:"unknown_internal,optional"`
	MaxAge                  *hcl.Attribute `hcl:"max_age,optional"`
	OnOld                   *hcl.Attribute `hcl:"on_old,optional"`
	Inactivity              *hcl.Attribute `hcl:"inactivity,optional"`
	Suspended               *hcl.Attribute `hcl:"suspended,optional"`
	Log                     *hcl.Attribute `hcl:"log,optional"`
	Dedup                   *dedupBody     `hcl:"extended_dedup,block"`
}

type journalBody struct {
	Name            string         `hcl:"name,label"`
	Range           hcl.Range      `hcl:",def_range"`
	Description     *hcl.Attribute `hcl:"description,optional"`
	Address         *hcl.Attribute `hcl:"address,optional"`
	Via             *hcl.Attribute `hcl:"via,optional"`
	Format          *hcl.Attribute `hcl:"format,optional"`
	HeaderEnvelope  *hcl.Attribute `hcl:"header_envelope,optional"`
	AllowFrom       *hcl.Attribute `hcl:"allow_from,optional"`
	TLS             *hcl.Attribute `hcl:"tls,optional"`
	PreferClearText *hcl.Attribute `hcl:"prefer_clear_text,optional"`
	HideHeaders     *hcl.Attribute `hcl:"hide_headers,optional"`
	Auth            *authBody      `hcl:"auth,block"`
	Tenant          *hcl.Attribute `hcl:"tenant,optional"`
	Tenants         *hcl.Attribute `hcl:"tenants,optional"`
	Unclaimed       *hcl.Attribute `hcl:"unclaimed,optional"`
	NonInternal     *hcl.Attribute `hcl:"non_internal,optional"`
	UnknownInternal *hcl.Attribute `hcl:"unknown_internal,optional"`
	MaxAge          *hcl.Attribute `hcl:"max_age,optional"`
	OnOld           *hcl.Attribute `hcl:"on_old,optional"`
	Inactivity      *hcl.Attribute `hcl:"inactivity,optional"`
	Suspended       *hcl.Attribute `hcl:"suspended,optional"`
	Log             *hcl.Attribute `hcl:"log,optional"`
	Dedup           *dedupBody     `hcl:"extended_dedup,block"`
}

type dedupBody struct {
	Range  hcl.Range      `hcl:",def_range"`
	Window *hcl.Attribute `hcl:"window,optional"`
	Match  *hcl.Attribute `hcl:"match,optional"`
}

type authBody struct {
	Range        hcl.Range      `hcl:",def_range"`
	User         *hcl.Attribute `hcl:"user,optional"`
	PasswordFile *hcl.Attribute `hcl:"password_file,optional"`
	Password     *hcl.Attribute `hcl:"password,optional"`
}

func (m *milterBody) keys() *sourceKeys {
	return &sourceKeys{
		Tenant:          m.Tenant,
		Tenants:         m.Tenants,
		Unclaimed:       m.Unclaimed,
		NonInternal:     m.NonInternal,
		UnknownInternal: m.UnknownInternal,
		MaxAge:          m.MaxAge,
		OnOld:           m.OnOld,
		Inactivity:      m.Inactivity,
		Suspended:       m.Suspended,
		Log:             m.Log,
		Dedup:           m.Dedup,
	}
}

func (l *smtpBody) keys() *sourceKeys {
	return &sourceKeys{
		Tenant:          l.Tenant,
		Tenants:         l.Tenants,
		Unclaimed:       l.Unclaimed,
		NonInternal:     l.NonInternal,
		UnknownInternal: l.UnknownInternal,
		MaxAge:          l.MaxAge,
		OnOld:           l.OnOld,
		Inactivity:      l.Inactivity,
		Suspended:       l.Suspended,
		Log:             l.Log,
		Dedup:           l.Dedup,
	}
}

func (j *journalBody) keys() *sourceKeys {
	return &sourceKeys{
		Tenant:          j.Tenant,
		Tenants:         j.Tenants,
		Unclaimed:       j.Unclaimed,
		NonInternal:     j.NonInternal,
		UnknownInternal: j.UnknownInternal,
		MaxAge:          j.MaxAge,
		OnOld:           j.OnOld,
		Inactivity:      j.Inactivity,
		Suspended:       j.Suspended,
		Log:             j.Log,
		Dedup:           j.Dedup,
	}
}

// written gives the keys and blocks that are there, with their places.
func (k *sourceKeys) written() []item {
	var list []item
	for _, a := range []*hcl.Attribute{
		k.Tenant, k.Tenants, k.Unclaimed, k.NonInternal, k.UnknownInternal,
		k.MaxAge, k.OnOld, k.Inactivity, k.Suspended, k.Log,
	} {
		if a != nil {
			list = append(list, item{a.Name, a.NameRange})
		}
	}
	if k.Dedup != nil {
		list = append(list, item{"extended_dedup", k.Dedup.Range})
	}
	return list
}
