package transform

// take gives a rule its source's value.
func (a *Applier) take(r *rule, s *scope, raw []byte) {
	if raw[0] == 'n' || len(raw) == len(`""`) && raw[0] == '"' && !r.keepEmpty {
		return // absent
	}
	if a.trace != nil {
		a.trace.source(r, raw)
	}
	given, reason := raw, ""
	if r.each != nil {
		given, reason = a.collect(raw, r.each)
	}
	var v value
	if reason == "" {
		v, reason = r.read(&a.scratch, given)
	}
	if reason != "" {
		a.fail(s, r.index, r.label, raw, reason)
		return
	}
	a.filled[r.index] = s.id
	a.put(r, s, v)
}

// put stores a value in the rule's target.
func (a *Applier) put(r *rule, s *scope, v value) {
	if a.trace != nil {
		a.trace.value(r, v)
	}
	switch r.slot {
	case assetID:
		a.asset.ExternalID = v.text
	case assetName:
		a.asset.Name = v.text
	case assetBaseURL:
		a.asset.BaseURL = v.text
	case assetSpecificationURL:
		a.asset.SpecificationURL = v.text
	case assetSpecificationHash:
		a.asset.SpecificationHash = v.text
	case assetCreatedAt:
		a.asset.SourceCreatedAt = moment(v.num)
	case assetUpdatedAt:
		a.asset.SourceUpdatedAt = moment(v.num)
	case assetLastScannedAt:
		a.asset.LastScannedAt = moment(v.num)
	case assetIPAddress:
		a.asset.IPAddress = v.text
	case assetDNSName:
		a.asset.DNSName = v.text
	case assetOperatingSystem:
		a.asset.OperatingSystem = v.text
	case entryQID:
		a.entry.QID = int32(v.num)
	case entryTitle:
		a.entry.Title = v.text
	case entrySeverity:
		a.entry.Severity = int16(v.num)
	case entryModifiedAt:
		a.entry.ModifiedAt = moment(v.num)
	case findingID:
		a.finding.ExternalID = v.text
	case findingName:
		a.finding.Name = v.text
	case findingSeverity:
		a.finding.Severity = int16(v.num)
	case findingQID:
		a.finding.QID = int32(v.num)
	case findingStatus:
		a.finding.Status = v.text
	case findingFirstFoundAt:
		a.finding.FirstFoundAt = moment(v.num)
	case findingLastFoundAt:
		a.finding.LastFoundAt = moment(v.num)
	case findingLastTestedAt:
		a.finding.LastTestedAt = moment(v.num)
	case findingTimesFound:
		a.finding.TimesFound = int32(v.num)
	case assetAttribute, entryAttribute, findingAttribute:
		s.attributes[r.attribute] = v.json
	}
}

// fillAbsent ends a scope: targets without a value take their default, or
// fail if they are needed.
func (a *Applier) fillAbsent(l *level, s *scope) {
	for _, r := range l.rules {
		switch {
		case a.filled[r.index] == s.id:
		case r.hasFallback:
			a.put(r, s, r.fallback)
			if a.trace != nil {
				a.trace.fellBack(r)
			}
		case r.required:
			a.fail(s, r.index, r.label, nil, r.missing)
		}
	}
}

func (a *Applier) fail(s *scope, index int, row string, raw []byte, reason string) {
	if index >= 0 {
		a.filled[index] = s.id // in vain, but it is not missing
	}
	if a.trace != nil {
		a.trace.failed(index, raw, reason)
	}
	ofID := index >= 0 && a.program.rules[index].id
	if s.failed && s.failure.index <= index && !ofID {
		return
	}
	why := failure{index, row, printable(raw), reason}
	if ofID {
		s.idFailed, s.idFailure = true, why
	}
	if !s.failed || index < s.failure.index {
		s.failed, s.failure = true, why
	}
}
