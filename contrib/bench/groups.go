package main

import (
	"fmt"
	"slices"
)

// groups are the subjects of one round, those together that are compared.
func (b *bench) groups() [][]subject {
	var list [][]subject
	for _, path := range b.Paths {
		switch path {
		case pathLMTP, pathMilter:
			list = append(list, b.loadGroups(path)...)
		case pathSync:
			list = append(list, b.group(path, 4, 1, nameAppend, nameOverwrite, nameSink, nameDaybook, nameDaybookBDAT))
		case pathPostfix:
			if !b.can(path) {
				continue
			}
			list = append(list,
				b.group(path, postfixKB, postfixSessions, nameNoMilter, nameEveryStep, nameNoReply, nameDaybook, nameDaybookTCP, nameBcc))
			list = append(list, b.halfLoadGroups()...)
		case pathSendmail:
			if b.can(path) {
				list = append(list, b.group(path, postfixKB, 1, nameNoMilter, nameDaybookTCP))
			}
		}
	}
	return list
}

// loadGroups are those of a way into the archive, for each size and number of
// connections.
func (b *bench) loadGroups(path string) [][]subject {
	var list [][]subject
	for _, kb := range b.Sizes {
		for _, n := range b.Connections {
			switch {
			case path == pathLMTP && kb == mixSize:
				list = append(list, b.group(path, kb, n, nameSink, nameDaybook, nameDovecot, nameDovecotSIS, nameDovecotEach))
			case path == pathLMTP:
				list = append(list, b.group(path, kb, n, nameSink, nameDaybook, nameDovecot, nameDovecotSIS))
			case kb != mixSize:
				list = append(list, b.group(path, kb, n, nameNothing, nameDaybook))
			}
		}
	}
	return list
}

// group is one subject for each of the servers that are there.
func (b *bench) group(path string, kb, connections int, servers ...string) []subject {
	var g []subject
	for _, name := range servers {
		if b.can(name) {
			g = append(g, subject{path, kb, connections, name})
		}
	}
	return g
}

// can tells whether something can be measured on this machine, and notes why not.
func (b *bench) can(name string) bool {
	return b.note(b.servers.peers.missing(name))
}

// canServices is can for servers as services. With --plain they are none.
func (b *bench) canServices() bool { return !b.plain && b.note(servicesMissing(cgroupRoot)) }

// note notes why something is not measured, and tells whether there is no reason.
func (b *bench) note(why string) bool {
	if why != "" && !slices.Contains(b.notes, why) {
		b.notes = append(b.notes, why)
		fmt.Fprintln(b.progress, "not measured:", why)
	}
	return why == ""
}
