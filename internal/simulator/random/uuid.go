package random

// AppendUUID appends the text of a UUID (version 4) drawn by a hash.
func AppendUUID(b []byte, hash uint64) []byte {
	const digits = "0123456789abcdef"
	half, low := hash&^0xf000|0x4000, Mix(hash)>>2|1<<63
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			b = append(b, '-')
		}
		if i == 16 {
			half = low
		}
		b = append(b, digits[half>>60])
		half <<= 4
	}
	return b
}

// UUID is the text of a UUID (version 4) drawn by a hash.
func UUID(hash uint64) string { return string(AppendUUID(make([]byte, 0, 36), hash)) }
