package qualysvm

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Members of a detection that identify it on its host.
const (
	memberUnique    = "UNIQUE_VULN_ID"
	memberIdentity  = "DETECTION_ID" // added here
	beginningUnique = `{"` + memberUnique + `":"`
)

// identify adds DETECTION_ID to a detection, the JSON object that begins at
// from in dst: UNIQUE_VULN_ID, or where that is not given QID, PORT, PROTOCOL,
// SSL and INSTANCE. Together with the host they identify a detection (Qualys
// documentation: what a detection is counted by; that UNIQUE_VULN_ID stays the
// same from scan to scan is inferred).
func identify(dst []byte, from int) []byte {
	detection := dst[from:]
	var id []byte // as it stands in JSON
	if rest, ok := bytes.CutPrefix(detection, []byte(beginningUnique)); ok {
		if end := bytes.IndexByte(rest, '"'); end > 0 && bytes.IndexByte(rest[:end], '\\') < 0 {
			id = rest[:end]
		}
	}
	if id == nil {
		id = joined(detection)
	}
	end := len(dst) - 1
	if end > from+1 {
		dst = append(dst[:end], ',')
	} else {
		dst = dst[:end]
	}
	dst = append(dst, `"`+memberIdentity+`":"`...)
	dst = append(dst, id...)
	return append(dst, `"}`...)
}

// joined is the identity by the detection's members, as it stands in JSON.
func joined(detection []byte) []byte {
	names := [...]string{"QID", "PORT", "PROTOCOL", "SSL", "INSTANCE"}
	var values [len(names)]string
	unique := ""
	look := jsontext.NewDecoder(bytes.NewReader(detection))
	_, err := look.ReadToken()
	for err == nil && look.PeekKind() == '"' {
		var member jsontext.Token
		if member, err = look.ReadToken(); err != nil {
			break
		}
		name := member.String()
		if look.PeekKind() != '"' {
			err = look.SkipValue()
			continue
		}
		var value jsontext.Token
		if value, err = look.ReadToken(); err != nil {
			break
		}
		if name == memberUnique {
			unique = value.String()
		}
		for i := range names {
			if name == names[i] {
				values[i] = value.String()
			}
		}
	}
	if unique == "" {
		for i, v := range values {
			if i > 0 {
				unique += ":"
			}
			unique += v
		}
	}
	quoted, _ := jsontext.AppendQuote(nil, unique) // it is valid UTF-8: it was JSON
	return quoted[1 : len(quoted)-1]
}
