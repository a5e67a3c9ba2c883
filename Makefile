# Sluice: see README.md. Everything that is set up lands in .sluice/ (and, as
# root, PostgreSQL's data in /var/tmp), everything that is built in bin/.

STATICCHECK   := honnef.co/go/tools/cmd/staticcheck@v0.8.2
WORKFLOWCHECK := go.temporal.io/sdk/contrib/tools/workflowcheck@v0.6.0

export CGO_ENABLED ?= 0

.PHONY: help build demo dev test e2e lint bench clean clean-all

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build bin/sluice and bin/sluice-worker
	@echo "building bin/sluice and bin/sluice-worker; the first time this takes a minute"
	@go build -trimpath -o bin/sluice ./starter
	@go build -trimpath -o bin/sluice-worker ./worker

demo: build ## Run the whole of it against a simulated vendor
	bin/sluice demo

dev: build ## Start PostgreSQL, Temporal, its UI and a worker on this machine
	bin/sluice dev

test: ## Run all tests, against a real PostgreSQL and a real Temporal server
	go run ./internal/devstack/prebuild
	go test -timeout 30m ./...
	cd internal/simulator/azure/sdkcheck && go test ./...

e2e: ## Use the Temporal UI in a browser, as a person would (Chromium; installed as root where it is missing)
	@command -v chromium chromium-browser google-chrome google-chrome-stable > /dev/null || \
		{ test "$$(id -u)" = 0 && command -v apt-get > /dev/null && apt-get update -q && apt-get install -qy --no-install-recommends chromium; } || \
		{ echo "there is no Chromium on this machine, and only root can install it: apt-get install chromium"; exit 1; }
	go run ./internal/devstack/prebuild
	go test -tags e2e -timeout 15m ./internal/e2e

lint: ## Check formatting, modules and code
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	go mod tidy -diff
	cd internal/devstack/temporald && go mod tidy -diff
	cd internal/simulator/azure/sdkcheck && go mod tidy -diff
	go vet ./...
	go vet -tags e2e,long ./internal/e2e ./workflows
	go run $(STATICCHECK) ./...
	go run $(WORKFLOWCHECK) ./workflows/...

bench: ## Measure runs end to end beside PostgreSQL's COPY
	go run ./internal/devstack/prebuild
	go run ./internal/bench

clean: ## Remove what was built; data in .sluice/ stays
	rm -rf bin

clean-all: ## Remove data and master key in .sluice/ too
	@for home in .sluice .sluice/demo; do \
		! test -e $$home/lock || flock -n $$home/lock true || { echo "sluice runs in $$home: stop it first"; exit 1; }; \
	done
	@# Where PostgreSQL's data is when root's own folder cannot be passed by others.
	@for data in "$(CURDIR)/.sluice/postgres" "$(CURDIR)/.sluice/demo/postgres"; do \
		rm -rf "/var/tmp/sluice-$$(printf %s "$$data" | sha256sum | cut -c 1-12)"; \
	done
	rm -rf bin .sluice
