package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"daybook/archive"
)

// encodeQuery gives a query as the parameters of a URL.
func encodeQuery(q *archive.Query) url.Values {
	v := url.Values{}
	for _, p := range []struct{ name, value string }{
		{"tenant", q.Tenant},
		{"source", q.Source},
		{"sender", q.Sender},
		{"recipient", q.Recipient},
		{"message_id", q.MessageID},
		{"after", number(q.After)},
		{"before", number(q.Before)},
		{"limit", number(uint64(q.Limit))},
		{"since", moment(q.Since)},
		{"until", moment(q.Until)},
		{"quarantine", quarantineNames()[q.Quarantine]},
		{"tag", q.Tag},
		{"kind", string(q.Kind)},
	} {
		if p.value != "" {
			v.Set(p.name, p.value)
		}
	}
	if q.Reverse {
		v.Set("reverse", "true")
	}
	return v
}

// quarantineNames are those of the filters, by their values.
func quarantineNames() []string {
	return []string{archive.QuarantineAll: "", archive.QuarantineWithout: "without", archive.QuarantineOnly: "only"}
}

func parseQuarantine(s string) (archive.QuarantineFilter, error) {
	i := slices.Index(quarantineNames(), s)
	if i < 0 {
		return 0, errors.New("it is without or only")
	}
	return archive.QuarantineFilter(i), nil
}

func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// decodeQuery is the other side of encodeQuery. What it does not know it refuses:
// a filter that is passed over would list too much.
func decodeQuery(v url.Values) (q archive.Query, err error) {
	for name := range v {
		value := v.Get(name)
		var e error
		switch name {
		case "tenant":
			q.Tenant = value
		case "source":
			q.Source = value
		case "sender":
			q.Sender = value
		case "recipient":
			q.Recipient = value
		case "message_id":
			q.MessageID = value
		case "after":
			q.After, e = strconv.ParseUint(value, 10, 64)
		case "before":
			q.Before, e = strconv.ParseUint(value, 10, 64)
		case "limit":
			q.Limit, e = strconv.Atoi(value)
		case "since":
			q.Since, e = time.Parse(time.RFC3339Nano, value)
		case "until":
			q.Until, e = time.Parse(time.RFC3339Nano, value)
		case "quarantine":
			q.Quarantine, e = parseQuarantine(value)
		case "tag":
			q.Tag = value
		case "kind":
			q.Kind = archive.EventKind(value)
		case "reverse":
			q.Reverse, e = strconv.ParseBool(value)
		default:
			e = errors.New("not known")
		}
		if e != nil {
			err = errors.Join(err, fmt.Errorf("parameter %s: %w", name, e))
		}
	}
	return q, err
}
