# make test    installs the mail programs the tests talk to (Debian, as root) and runs every test
# make race    the tests once more under the race detector, the long ones shortened
# make fuzz    every fuzz target for FUZZTIME each
# make bench   measures beside smtp-sink, Dovecot, Postfix and Sendmail, as far as they are
#              installed (make peers bench); prints, never fails on a figure
# make bench-parts   the benchmarks of the parts, COUNT times each, for benchstat
# make lint    vet, gofmt and staticcheck
# make systems   vets all of it for each of SYSTEMS: other systems, and 32 bits
# make long    the torture tests at their full length

export CGO_ENABLED ?= 0
FUZZTIME ?= 30s
COUNT ?= 6
SYSTEMS ?= linux/386 linux/arm linux/arm64 darwin/arm64 freebsd/amd64
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: all build test peers race fuzz bench bench-parts lint systems long

all: build

build:
	go build -trimpath -o bin/ ./cmd/daybook

peers:
	contrib/peers/install.sh

test: peers
	go vet ./...
	DAYBOOK_REQUIRE_PEERS=1 go test -timeout 30m ./...

race: peers
	@command -v gcc >/dev/null || apt-get -qq install -y --no-install-recommends gcc libc6-dev
	CGO_ENABLED=1 DAYBOOK_REQUIRE_PEERS=1 go test -race -short -timeout 30m ./...

lint:
	go vet ./...
	test -z "$$(gofmt -l .)"
	go run $(STATICCHECK) ./...

systems:
	@for system in $(SYSTEMS); do \
	  echo "vet $$system"; GOOS=$${system%/*} GOARCH=$${system#*/} CGO_ENABLED=0 go vet ./... || exit 1; \
	done

fuzz:
	@go list ./... | while read pkg; do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; done

bench:
	go run ./contrib/bench

bench-parts:
	@go test -run '^$$' -bench '^BenchmarkPart' -benchmem -count $(COUNT) -timeout 2h ./lmtp ./policy ./archive/...

long:
	go test -timeout 4h -run 'PowerLoss' ./archive -clones 20000
	go test -timeout 1h -run 'PressureOf200' ./archive/ingest -large 50000000
	go test -timeout 4h -run 'DiskOperation|Damage|Upgrade|Model' ./archive -faultstep 1 -damage 3000 -upgradestep 1 -models 200
