package policy

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a length of time: whole numbers with the units w, d, h, m
// (minutes) and s, each at most once and the longer ones first, as in "90s",
// "1h30m", "10d", "2w". A day has 24 hours. "0" needs no unit.
func ParseDuration(s string) (time.Duration, error) {
	if s == "0" {
		return 0, nil
	}
	const units = "wdhms"
	var sum time.Duration
	for rest, from := s, 0; rest != "" || s == ""; {
		digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
		if len(digits) == len(rest) || digits == "" {
			return 0, errDuration(s)
		}
		unit := strings.IndexByte(units[from:], rest[len(digits)])
		if unit < 0 {
			return 0, errDuration(s)
		}
		from += unit
		length := unitLength(units[from])
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n > int64((math.MaxInt64-sum)/length) {
			return 0, errors.New("the length of time is too large")
		}
		sum += time.Duration(n) * length
		rest, from = rest[len(digits)+1:], from+1
	}
	return sum, nil
}

func unitLength(unit byte) time.Duration {
	switch unit {
	case 'w':
		return 7 * 24 * time.Hour
	case 'd':
		return 24 * time.Hour
	case 'h':
		return time.Hour
	case 'm':
		return time.Minute
	}
	return time.Second
}

func errDuration(s string) error {
	switch {
	case s != "" && strings.Trim(s, "0123456789") == "":
		return errors.New(`a length of time needs a unit, as in "` + s + `m" for minutes; there are w, d, h, m and s`)
	case strings.HasSuffix(s, "y"):
		return errors.New(`years differ in length: write days, as in "365d"`)
	}
	return errors.New(`a length of time is whole numbers with the units w, d, h, m and s, the longer first, as in "90s", "1h30m" or "10d"`)
}
