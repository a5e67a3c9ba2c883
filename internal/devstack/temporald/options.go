package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
)

// options are the arguments of "server start-dev" that temporald knows.
type options struct {
	ip               string
	port             int
	uiPort           int // ignored when headless
	headless         bool
	namespaces       []string
	dbFile           string // empty: everything is in memory and gone with the process
	logLevel         string
	logFormat        string
	searchAttributes map[string]enumspb.IndexedValueType
	dynamicConfig    map[string]any
}

func (o options) address() string { return net.JoinHostPort(o.ip, strconv.Itoa(o.port)) }

// parseOptions reads the command line "server start-dev [flags]".
func parseOptions(args []string) (options, error) {
	if len(args) < 2 || args[0] != "server" || args[1] != "start-dev" {
		return options{}, errors.New("usage: temporald server start-dev [flags]; --help after it lists them")
	}
	o := options{
		searchAttributes: map[string]enumspb.IndexedValueType{},
		dynamicConfig:    map[string]any{},
	}
	flags := flag.NewFlagSet("temporald server start-dev", flag.ContinueOnError)
	flags.StringVar(&o.ip, "ip", "127.0.0.1", "loopback address to listen on; the server asks nobody who they are")
	flags.IntVar(&o.port, "port", 7233, "port of the gRPC frontend")
	flags.IntVar(&o.uiPort, "ui-port", 0, "port of the web UI (default: port + 1000)")
	flags.BoolVar(&o.headless, "headless", false, "no web UI")
	flags.StringVar(&o.dbFile, "db-filename", "", "SQLite file to keep everything in (default: memory)")
	flags.StringVar(&o.logLevel, "log-level", "warn", "debug, info, warn, error or never")
	flags.StringVar(&o.logFormat, "log-format", "text", "text or json")
	flags.Func("namespace", "namespace to create when it does not exist; may be repeated", func(v string) error {
		o.namespaces = append(o.namespaces, v)
		return nil
	})
	flags.Func("search-attribute", "custom search attribute NAME=TYPE of new namespaces; may be repeated", o.addSearchAttribute)
	flags.Func("dynamic-config-value", "dynamic configuration KEY=JSON; may be repeated", o.addDynamicConfig)
	if err := flags.Parse(args[2:]); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o.complete()
}

func (o options) addSearchAttribute(v string) error {
	name, kind, ok := strings.Cut(v, "=")
	if !ok || name == "" {
		return fmt.Errorf("%q is not NAME=TYPE", v)
	}
	t, err := enumspb.IndexedValueTypeFromString(kind)
	if err != nil || t == enumspb.INDEXED_VALUE_TYPE_UNSPECIFIED {
		return fmt.Errorf("%q is not a type of search attributes: Text, Keyword, Int, Double, Bool, Datetime or KeywordList", kind)
	}
	o.searchAttributes[name] = t
	return nil
}

func (o options) addDynamicConfig(v string) error {
	key, text, ok := strings.Cut(v, "=")
	if !ok || key == "" {
		return fmt.Errorf("%q is not KEY=JSON", v)
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return fmt.Errorf("the value of %s is not JSON: %w", key, err)
	}
	// JSON knows only floats, and the server refuses a float for a whole number's setting.
	if f, ok := value.(float64); ok && f == float64(int(f)) {
		value = int(f)
	}
	o.dynamicConfig[key] = value
	return nil
}

// complete fills defaults that depend on other options and refuses what cannot work.
func (o options) complete() (options, error) {
	if o.ip == "localhost" {
		o.ip = "127.0.0.1"
	}
	if ip := net.ParseIP(o.ip); ip == nil || ip.To4() == nil || !ip.IsLoopback() {
		return options{}, fmt.Errorf("--ip %s is not an IPv4 loopback address; this server has no authentication and serves its own machine only", o.ip)
	}
	if o.uiPort == 0 {
		o.uiPort = o.port + 1000
	}
	if o.port < 1 || o.port > 65535 || (!o.headless && (o.uiPort < 1 || o.uiPort > 65535)) {
		return options{}, fmt.Errorf("ports must be from 1 to 65535, have --port %d and --ui-port %d", o.port, o.uiPort)
	}
	if !slices.Contains(o.namespaces, "default") {
		o.namespaces = append([]string{"default"}, o.namespaces...)
	}
	switch o.logLevel {
	case "debug", "info", "warn", "error":
	case "never":
		o.logLevel = "fatal"
	default:
		return options{}, fmt.Errorf("--log-level %s is none of debug, info, warn, error, never", o.logLevel)
	}
	switch o.logFormat {
	case "text", "pretty":
		o.logFormat = "console"
	case "json":
	default:
		return options{}, fmt.Errorf("--log-format %s is none of text, json", o.logFormat)
	}
	return o, nil
}
