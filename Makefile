# Sluice: see README.md. Everything that is set up lands in .sluice/ (and, as
# root, PostgreSQL's data in /var/tmp), everything that is built in bin/.

STATICCHECK   := honnef.co/go/tools/cmd/staticcheck@v0.8.2
WORKFLOWCHECK := go.temporal.io/sdk/contrib/tools/workflowcheck@v0.6.0

export CGO_ENABLED ?= 0

.PHONY: help build demo dev test lint bench clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build bin/sluice and bin/sluice-worker
	go build -trimpath -o bin/sluice ./starter
	go build -trimpath -o bin/sluice-worker ./worker

demo: build ## Run the whole of it against a simulated vendor
	bin/sluice demo

dev: build ## Start PostgreSQL, Temporal, its UI and a worker on this machine
	bin/sluice dev

test: ## Run all tests, against a real PostgreSQL and a real Temporal server
	go run ./internal/devstack/prebuild
	go test -timeout 30m ./...

lint: ## Check formatting, modules and code
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	go mod tidy -diff
	cd internal/devstack/temporald && go mod tidy -diff
	go vet ./...
	go run $(STATICCHECK) ./...
	go run $(WORKFLOWCHECK) ./workflows/...

bench: ## Measure runs end to end beside PostgreSQL's COPY
	go run ./internal/devstack/prebuild
	go run ./internal/bench

clean: ## Remove what was built; data in .sluice/ stays
	rm -rf bin
