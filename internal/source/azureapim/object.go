package azureapim

import (
	"bytes"
	"encoding/json"
	"strings"
)

// object is a JSON object whose members are kept as received. A member of
// another type than expected reads as none: an API is not lost over it.
type object map[string]json.RawMessage

// readObject returns the object that data is; nil when it is none.
func readObject(data []byte) object {
	var o object
	if json.Unmarshal(data, &o) != nil {
		return nil
	}
	return o
}

func (o object) text(name string) string {
	var s string
	if json.Unmarshal(o[name], &s) != nil {
		return ""
	}
	return s
}

func (o object) object(name string) object { return readObject(o[name]) }

func (o object) texts(name string) []string {
	var list []string
	if json.Unmarshal(o[name], &list) != nil {
		return nil
	}
	return list
}

func (o object) objects(name string) []object {
	var rows []json.RawMessage
	if json.Unmarshal(o[name], &rows) != nil {
		return nil
	}
	var list []object
	for _, row := range rows {
		if o := readObject(row); o != nil {
			list = append(list, o)
		}
	}
	return list
}

// flag is a boolean member; known is false when there is none.
func (o object) flag(name string) (value, known bool) {
	var b *bool
	if json.Unmarshal(o[name], &b) != nil || b == nil {
		return false, false
	}
	return *b, true
}

// raw is the object as one line; nil for none.
func (o object) raw() json.RawMessage {
	if o == nil {
		return nil
	}
	data, err := json.Marshal(map[string]json.RawMessage(o))
	if err != nil {
		return nil
	}
	return data
}

// secretMembers hold credentials. Azure does not return them; should it ever,
// they are not to be stored.
var secretMembers = []string{"certificatePassword", "encodedCertificate"}

// withoutSecrets is a value without the members that hold credentials, at any
// depth.
func withoutSecrets(data json.RawMessage) json.RawMessage {
	found := false
	for _, name := range secretMembers {
		found = found || bytes.Contains(data, []byte(name))
	}
	if !found {
		return data
	}
	var v any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if decoder.Decode(&v) != nil {
		return nil
	}
	clean, err := json.Marshal(stripped(v))
	if err != nil {
		return nil
	}
	return clean
}

func stripped(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if isSecret(name) {
				delete(v, name)
			} else {
				v[name] = stripped(member)
			}
		}
	case []any:
		for i := range v {
			v[i] = stripped(v[i])
		}
	}
	return v
}

func isSecret(name string) bool {
	for _, s := range secretMembers {
		if strings.EqualFold(name, s) {
			return true
		}
	}
	return false
}
