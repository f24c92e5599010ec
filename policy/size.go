package policy

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// ParseSize reads a size in bytes with or without a unit: "4096", "1.5GB",
// "150MiB". Units are not case sensitive; a space may stand before one.
func ParseSize(s string) (int64, error) {
	number := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	factor, ok := unit(s[len(number):])
	value, err := strconv.ParseFloat(strings.TrimSuffix(number, " "), 64)
	if !ok || err != nil || value < 0 || strings.Trim(number, "0123456789. ") != "" {
		return 0, errors.New(`a size is a number of bytes, or a number with a unit, as in "150MiB" or "20GB"`)
	}
	if value *= factor; value >= math.MaxInt64 {
		return 0, errors.New("the size is too large")
	}
	return int64(value), nil
}

func unit(name string) (factor float64, ok bool) {
	switch strings.ToLower(name) {
	case "", "b":
		return 1, true
	case "kb":
		return 1e3, true
	case "mb":
		return 1e6, true
	case "gb":
		return 1e9, true
	case "tb":
		return 1e12, true
	case "kib":
		return 1 << 10, true
	case "mib":
		return 1 << 20, true
	case "gib":
		return 1 << 30, true
	case "tib":
		return 1 << 40, true
	}
	return 0, false
}
