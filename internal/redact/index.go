package redact

// An index finds spellings in one pass over a text: by their first four bytes,
// of which a bit map says at once that hardly any text has them.
type index struct {
	seen   [1 << 16 / 64]uint64
	begins map[uint32][]spelling
}

type spelling struct {
	text string
	form form
}

func newIndex(forms map[string]form) *index {
	x := &index{begins: map[uint32][]spelling{}}
	for text, f := range forms {
		word := wordAt(text, 0)
		h := hash(word)
		x.seen[h/64] |= 1 << (h % 64)
		x.begins[word] = append(x.begins[word], spelling{text, f})
	}
	return x
}

func wordAt(text string, i int) uint32 {
	return uint32(text[i]) | uint32(text[i+1])<<8 | uint32(text[i+2])<<16 | uint32(text[i+3])<<24
}

// hash is of 16 bits.
func hash(word uint32) uint32 { return word * 0x9E3779B1 >> 16 }

// find returns where secrets stand in a text, in order and apart.
func find(x *index, text string) []span {
	if x == nil || len(text) < shortest {
		return nil
	}
	var found []span
	word := wordAt(text, 0) << 8
	for last := shortest - 1; last < len(text); last++ {
		word = word>>8 | uint32(text[last])<<24
		if h := hash(word); x.seen[h/64]&(1<<(h%64)) == 0 {
			continue
		}
		i := last - (shortest - 1)
		for _, s := range x.begins[word] {
			if end := i + len(s.text); end <= len(text) && text[i:end] == s.text {
				part := span{i, end}
				if s.form&encoded != 0 {
					part = wholeRun(text, part)
				}
				found = append(found, part)
			}
		}
	}
	if found == nil {
		return nil
	}
	return merge(found)
}

// wholeRun widens a part of a base64 text to all of it: what stands beside a
// secret, such as the user name, is encoded with it.
func wholeRun(text string, part span) span {
	for part.begin > 0 && inBase64(text[part.begin-1]) {
		part.begin--
	}
	for part.end < len(text) && (inBase64(text[part.end]) || text[part.end] == '=') {
		part.end++
	}
	return part
}

func inBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}
