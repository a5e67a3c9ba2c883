package applications

import (
	"context"
	"fmt"
	"io"
	"time"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// prober tests one application.
type prober struct {
	application
	client *qualys.Client
}

// maxAnswer bounds an answer, in bytes; known ones have less than a thousand.
const maxAnswer = 1 << 20

// Probe implements source.Prober: a new token, and the application's call.
func (p *prober) Probe(ctx context.Context) []source.Check {
	checks := []source.Check{p.client.CheckToken(ctx)}
	if checks[0].Health != source.Healthy {
		return checks
	}
	begin := time.Now()
	told, err := p.ask(ctx)
	check := qualys.CheckFrom(p.step, err, time.Since(begin))
	if err == nil {
		check.Message = "answered: " + told
	} else if f := fault.As(err); f != nil {
		p.judge(ctx, &check, f)
	}
	return append(checks, check)
}

// ask makes the call, and returns what its answer tells.
func (p *prober) ask(ctx context.Context) (string, error) {
	resp, err := p.call(ctx)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", err
	}
	body = resp.Redact(body)
	told, ok := p.read(body)
	if ok {
		return told, nil
	}
	f := p.unread(body)
	f.Message = string(resp.Redact([]byte(f.Message))) // again: escapes are undone by now
	return "", f
}

// unread is the error of an answer of success that is not one of the call: by
// the code that it names, if it does.
func (p *prober) unread(body []byte) *fault.Error {
	if refusal := qualys.Refusal(body); refusal != nil {
		return refusal
	}
	message := fmt.Sprintf("Qualys answered %s %s with something that is not known here", p.method(), p.path)
	if said := qualys.Message(body); said != "" {
		message += ": " + said
	}
	return &fault.Error{
		Class: fault.Contract, Code: qualys.CodeUnreadable, Message: message,
		Advice: "please report it with this message",
		Detail: fault.Head(body),
	}
}

// judge corrects the health of the call by what is known of the application. By
// then the vendor has given a token for the credentials, at the same gateway.
func (p *prober) judge(ctx context.Context, check *source.Check, f *fault.Error) {
	name := p.access.Application
	switch f.Code {
	case transport.CodeTokenNotAccepted:
		p.judgeToken(ctx, check)
	case transport.CodeNotFound:
		check.Health = source.NotLicensed
		check.Message = name + " is not there: " + check.Message
		check.Advice = name + " is not deployed on " + p.client.Where() + ", or not part of the subscription: ask Qualys support or your account manager"
	case transport.CodeForbidden:
		check.Advice = p.advice()
	case transport.CodeBadRequest, qualys.CodeNotUnderstood:
		check.Health = source.Unknown
		check.Advice = "the request was ours, and not understood: please report it with this message"
	}
}

// judgeToken finds out what a 401 to a fresh token means: whether it is the
// token that is not accepted, or the application that is not there for it.
func (p *prober) judgeToken(ctx context.Context, check *source.Check) {
	err := p.client.AcceptsToken(ctx)
	f := fault.As(err)
	name := p.access.Application
	switch {
	case err == nil && p.unlicensed:
		check.Health = source.NotLicensed
		check.Message = "the token is good elsewhere, and " + name + " does not take it: " + check.Message
		check.Advice = "the subscription does not include " + name + ": ask your account manager; if it does, " + p.advice()
	case err == nil:
		check.Message = "the token is good elsewhere, and " + name + " does not take it: " + check.Message
		check.Advice = p.advice()
	case f != nil && f.Class == fault.Auth:
		check.Message = "a fresh token is not accepted, here or elsewhere: " + check.Message
		check.Advice = "check that the user is active and may use the API"
	default:
		check.Message += "; whether the token is good elsewhere could not be found out"
		check.Advice = p.advice()
	}
}

// advice is what to do when the application does not let the account in.
func (p *prober) advice() string {
	name := p.access.Application
	return "check that the subscription includes " + name + ", that the user's role gives access to it, and that it is among the permissions chosen for the client, if there is one"
}
