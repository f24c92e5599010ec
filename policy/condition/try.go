package condition

import "time"

// try and can: values that there may not be.

func buildCan[F any](_ *compiler[F], k *call[F]) value[F] {
	a := k.args[0]
	return k.holding(func(e *env[F]) (bool, error) { return a.try(e) == nil, nil })
}

func buildTry[F any](c *compiler[F], k *call[F]) value[F] {
	first := k.args[0]
	v := value[F]{kind: first.kind, rests: k.rests(), lower: true}
	v.needs = v.rests.atom()
	for i, a := range k.args {
		if !a.scalar() {
			return c.wrong(k, i, "a string, number, bool or time", "")
		}
		if a.kind != first.kind {
			return c.wrong(k, i, first.String()+" as before", "")
		}
		v.lower = v.lower && a.lower
	}
	switch v.kind {
	case isString:
		v.str = firstOf(k.args, func(a value[F]) getter[F, string] { return a.str })
	case isNumber:
		v.num = firstOf(k.args, func(a value[F]) getter[F, float64] { return a.num })
	case isBool:
		v.boolean = firstOf(k.args, func(a value[F]) getter[F, bool] { return a.boolean })
	case isTime:
		v.moment = firstOf(k.args, func(a value[F]) getter[F, time.Time] { return a.moment })
	}
	return v
}

// firstOf gives the first value without an error, or else the last error.
func firstOf[F, T any](args []value[F], of func(value[F]) getter[F, T]) getter[F, T] {
	get := make([]getter[F, T], len(args))
	for i, a := range args {
		get[i] = of(a)
	}
	return func(e *env[F]) (T, error) {
		var v T
		var err error
		for _, try := range get {
			if v, err = try(e); err == nil {
				return v, nil
			}
		}
		return v, err
	}
}
