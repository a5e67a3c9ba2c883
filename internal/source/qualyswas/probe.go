package qualyswas

import (
	"context"

	"sluice/internal/qualys"
	"sluice/internal/qualys/fo"
	"sluice/internal/source"
)

// Probe implements source.Session: whether the credentials are accepted, how
// many records of each sort the account sees, and whether it may read the
// knowledge base.
func (s *session) Probe(ctx context.Context) []source.Check {
	checks := []source.Check{s.client.CheckCredentials(ctx)}
	if checks[0].Health != source.Healthy {
		return checks
	}
	for _, of := range []catalogue{webApps, findings} {
		checks = append(checks, qualys.CheckCount("WAS "+of.plural, of.plural, func() (int64, error) { return s.count(ctx, of, nil) }))
	}
	return append(checks, s.countTags(ctx), s.knowledgeBase(ctx))
}

// knowledgeBase is of VM: an account that may not read it can read all of WAS.
func (s *session) knowledgeBase(ctx context.Context) source.Check {
	check := s.vm.ProbeKnowledgeBase(ctx)
	if check.Health == source.Unauthorised || check.Health == source.NotLicensed || check.Health == source.Misconfigured {
		check.Health = source.Healthy
		check.Message = "cannot be read, and WAS can without: " + check.Message
		check.Advice = "leave " + fo.KnowledgeBase.Name + " out of profiles of WAS; or " + check.Advice
	}
	return check
}

// countTags is of use to see a scope change. An account without access to tags
// can be read from all the same.
func (s *session) countTags(ctx context.Context) source.Check {
	check := qualys.CheckCount("tags", "tags", func() (int64, error) { return s.client.CountTags(ctx) })
	if check.Health == source.Unauthorised || check.Health == source.NotLicensed || check.Health == source.Misconfigured {
		check.Health = source.Healthy
		check.Message = "not counted, and not needed: " + check.Message
		check.Advice = ""
	}
	return check
}
