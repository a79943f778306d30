# Cairn. `make` alone says what there is.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
# The steps of `run` and `test` are prerequisites, in their order.
.NOTPARALLEL:
MAKEFLAGS   += --no-print-directory

LEDGER ?= embedded

# A root shell got by plain su has no sbin on its PATH, and a fresh Go is often
# on no PATH at all.
export PATH := $(PATH):/usr/sbin:/sbin:/usr/local/go/bin
export CGO_ENABLED := 0
# One set of flags for build, vet and test: with different ones Go compiles all
# of Kubernetes twice.
export GOFLAGS := -trimpath
# Without this, git refuses to answer root in a clone that another user made,
# and go build with it.
export GIT_CONFIG_COUNT := 1
export GIT_CONFIG_KEY_0 := safe.directory
export GIT_CONFIG_VALUE_0 := $(CURDIR)

# What cairn is built from; a build is skipped when none of it is newer.
SOURCES := $(shell find events projections reconcilers nodes dataplane tools go.mod go.sum \
	-type f ! -name '*_test.go' ! -path '*/testdata/*' ! -path 'nodes/shim/bin/*' 2>/dev/null)
SHIM_SOURCES := $(shell find nodes/shim -type f \( -name '*.go' -o -name build.sh \) ! -name '*_test.go' 2>/dev/null)
SHIMS := nodes/shim/bin/cairn-shim nodes/shim/bin/cairn-pause

.PHONY: help setup setup-test setup-kafka build images run ledger stop test check bench peers kafka kafka-stop clean

help: ## this text
	@echo "Cairn: a container orchestrator with a memory. As root, on Debian 12 or newer:"
	echo
	sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 21

setup: ## install what is missing to run it (runc, nftables, iproute2, curl)
	@deploy/setup.sh run

setup-test: ## install what is missing to test it
	@deploy/setup.sh test

setup-kafka: ## install what is missing for Apache Kafka (Java, Maven) and fetch it
	@deploy/setup.sh kafka
	deploy/kafka/kafka.sh fetch

build: bin/cairn ## build bin/cairn

# Grouped: one script makes both. They carry nothing of Kubernetes: 2 s.
$(SHIMS) &: $(SHIM_SOURCES) go.mod
	@deploy/build.sh shims

bin/cairn: $(SOURCES) $(SHIMS)
	@deploy/build.sh cairn

images: ## make the example's image archives in .cache/images
	@deploy/examples/guestbook/images.sh

run: ledger setup $(if $(filter kafka,$(LEDGER)),setup-kafka) build images ## start a cell and deploy the guestbook on it (LEDGER=embedded or kafka)
	@LEDGER='$(LEDGER)' deploy/run.sh

# A slip of the finger must not first cost a set-up and a build.
ledger:
	@case '$(LEDGER)' in embedded | kafka) ;; *)
		printf 'FAILED: LEDGER=%s is not known\nwhat to do: say LEDGER=embedded or LEDGER=kafka\n' '$(LEDGER)' >&2; exit 1 ;;
	esac

stop: ## end every cell that runs here; the ledgers are kept
	@deploy/stop.sh

test: setup-test setup-kafka build images check ## set-up, and every test, real Apache Kafka among them
	@go test -vet=off -timeout 18m ./...

check: ## gofmt and go vet alone
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go'))
	if [ -n "$$unformatted" ]; then
		printf 'FAILED: not formatted:\n%s\nwhat to do: gofmt -w on these files\n' "$$unformatted" >&2
		exit 1
	fi
	go vet ./...

bench: build ## first figures, as JSON lines
	@go run ./tools/bench

peers: build ## measure it beside kube-apiserver and etcd, in turns, as JSON lines (PEERS='-objects 160000'; builds both once: minutes)
	@go run ./tools/peers $(PEERS)

kafka: setup-kafka ## start one Apache Kafka broker on 127.0.0.1:9092 (data in .cache/kafka-broker)
	@deploy/kafka/kafka.sh start .cache/kafka-broker 9092 9093
	echo "next: bin/cairn up --name kafka --ledger kafka://127.0.0.1:9092 --listen 127.0.0.1:6444 --pod-range 10.245.0.0/16 --service-range 10.97.0.0/16 --node-ports 29000-29999"

kafka-stop: ## end that broker; its data are kept
	@deploy/kafka/kafka.sh stop .cache/kafka-broker

clean: ## remove what was built and fetched (bin, .cache); no ledger
	@if [ -e .cache/kafka-broker/kafka.pid ]; then
		printf 'FAILED: the broker of make kafka runs, or died\nwhat to do: make kafka-stop; then make clean\n' >&2; exit 1
	fi
	rm -rf bin .cache $(SHIMS)
