package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/source"
)

// A person is somebody at a terminal, who answers questions as they come.
type person struct {
	t    *testing.T
	hand *os.File
	tty  *os.File
	said sayings
	code chan int
	seen int // of what was said
}

// atTerminal runs a command for a person.
func (h *house) atTerminal(args ...string) *person {
	p := &person{t: h.t, code: make(chan int, 1)}
	p.hand, p.tty = terminal(h.t)
	go func() {
		p.code <- execute(h.t.Context(), process{program: "sluice", in: p.tty, out: &p.said, err: &p.said, env: h.env}, args)
	}()
	return p
}

// answers waits for a question, and for the terminal to be ready for its
// answer.
func (p *person) answers(question, text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return p.news(question) }, within, every, "%s in %s", question, &p.said)
	_, err := p.hand.WriteString(text + "\n")
	require.NoError(p.t, err)
}

// news says whether something was said since it was last asked.
func (p *person) news(text string) bool {
	said := p.said.String()
	for i := p.seen; i+len(text) <= len(said); i++ {
		if said[i:i+len(text)] == text {
			p.seen = i + len(text)
			return true
		}
	}
	return false
}

// unseen answers a question whose answer is not shown.
func (p *person) unseen(question, text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return p.news(question) }, within, every, "%s in %s", question, &p.said)
	require.Eventually(p.t, func() bool { return !echoes(p.t, p.tty) }, within, every)
	_, err := p.hand.WriteString(text + "\n")
	require.NoError(p.t, err)
}

func TestAPersonIsAskedForAConnectorStepByStep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	_, baseURL := vendor(t, smallEstate)
	name := h.name + "-acme"
	p := h.atTerminal("connectors", "create")
	p.answers("name of the connector: ", " "+name)
	p.answers("provider (qualys, azure or file; nothing: qualys): ", "q")
	require.Eventually(t, func() bool { return p.news("  EU2  ") }, within, every, "the platforms are listed")
	p.answers("platform, or the gateway's URL of a private cloud: ", "US9")
	require.Eventually(t, func() bool { return p.news("did you mean US1?") }, within, every)
	p.answers("platform, or the gateway's URL of a private cloud: ", "ftp://example.com")
	p.answers("platform, or the gateway's URL of a private cloud: ", baseURL)
	p.answers("(client or user; nothing: client): ", "")
	p.answers("clientId (", simulator.DefaultClientID)
	p.unseen("clientSecret (it is not shown): ", simulator.DefaultClientSecret)
	p.answers("test it now (yes or no; nothing: yes): ", "")
	require.Zero(t, <-p.code, p.said.String())
	require.NotContains(t, p.said.String(), simulator.DefaultClientSecret)
	v := h.shown(name)
	require.Equal(t, source.Healthy, v.Health)
	require.Equal(t, baseURL, v.Settings["baseURL"])
	require.NotContains(t, v.Settings, "platform")
}

func TestWhatAPersonTypedIsKeptOnWishThoughItDoesNotConnect(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.startWorker()
	_, baseURL := vendor(t, smallEstate)
	create := func(name, keep string) *person {
		p := h.atTerminal("connectors", "create", name, "--base-url", baseURL)
		p.answers("(client or user; nothing: client): ", "u")
		p.answers("username (", "nobody")
		p.unseen("password (it is not shown): ", "wrong")
		p.answers("test it now (yes or no; nothing: yes): ", "yes")
		p.answers("it does not connect; keep it all the same (no or yes; nothing: no): ", keep)
		return p
	}
	dropped := create(h.name+"-a", "")
	require.Equal(t, exitFailure, <-dropped.code)
	require.Contains(t, dropped.said.String(), "was not kept")
	require.Empty(t, okJSON[[]connectorView](h, "connectors", "list"))
	kept := create(h.name+"-b", "y")
	require.Zero(t, <-kept.code, kept.said.String())
	require.Equal(t, "nobody", h.shown(h.name + "-b").Settings["username"])
}

func TestAPersonIsAskedForAnAzureConnector(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.atTerminal("connectors", "create", "cloud", "--provider", "azure", "--description", "ours")
	p.answers("tenantId (", "a b")
	p.answers("tenantId (", "contoso.onmicrosoft.com")
	p.answers("clientId (", "6f1c")
	p.answers("signs in with a secret or a certificate (secret or certificate; nothing: secret): ", "")
	p.unseen("clientSecret (it is not shown): ", "hunter2")
	p.answers("test it now (yes or no; nothing: yes): ", "n")
	require.Zero(t, <-p.code, p.said.String())
	require.Equal(t, "contoso.onmicrosoft.com", h.shown("cloud").Settings["tenantId"])
	require.Equal(t, "ours", h.shown("cloud").Description)
}
