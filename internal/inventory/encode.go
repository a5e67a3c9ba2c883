package inventory

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"time"
)

// digest shortens a SHA-256 to the 16 bytes that are stored. Findings come
// from scanned hosts, so the digest must be one that nobody can steer.
type digest [16]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }

func digestOf(content []byte) digest {
	sum := sha256.Sum256(content)
	return digest(sum[:16])
}

// Of PostgreSQL's binary COPY format.
const (
	copyHeader       = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyTrailer      = "\xff\xff"
	jsonbVersion     = 1
	microsecondsY2K  = 946_684_800_000_000 // PostgreSQL counts from 2000-01-01
	nullField        = math.MaxUint32      // length -1
	lengthOfBigint   = 8
	lengthOfUUID     = 16
	lengthOfInt      = 4
	lengthOfSmallint = 2
	oidOfBigint      = 20
)

// The append functions encode one field of PostgreSQL's binary COPY format: a
// length, then the value as its type's binary form. An absent value is null.

func appendNull(b []byte) []byte { return binary.BigEndian.AppendUint32(b, nullField) }

func appendText[T string | []byte](b []byte, s T) []byte {
	if len(s) == 0 {
		return appendNull(b)
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendJSON(b, object []byte) []byte {
	if len(object) == 0 {
		return appendNull(b)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(object)+1))
	return append(append(b, jsonbVersion), object...)
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return appendNull(b)
	}
	return appendBigint(b, t.UnixMicro()-microsecondsY2K)
}

// appendMicros encodes a moving time; 0 is none.
func appendMicros(b []byte, micros int64) []byte {
	if micros == 0 {
		return appendNull(b)
	}
	return appendBigint(b, micros-microsecondsY2K)
}

func appendBigint(b []byte, n int64) []byte {
	b = binary.BigEndian.AppendUint32(b, lengthOfBigint)
	return binary.BigEndian.AppendUint64(b, uint64(n))
}

func appendInt(b []byte, n int32) []byte {
	b = binary.BigEndian.AppendUint32(b, lengthOfInt)
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

// appendPositive encodes a number of which 0 is none.
func appendPositive(b []byte, n int32) []byte {
	if n == 0 {
		return appendNull(b)
	}
	return appendInt(b, n)
}

func appendSmallint(b []byte, n int16) []byte {
	if n == 0 {
		return appendNull(b)
	}
	b = binary.BigEndian.AppendUint32(b, lengthOfSmallint)
	return binary.BigEndian.AppendUint16(b, uint16(n))
}

func appendDigest(b []byte, d digest) []byte {
	b = binary.BigEndian.AppendUint32(b, lengthOfUUID)
	return append(b, d[:]...)
}

// appendBigints encodes an array of bigint: dimensions, whether it has nulls,
// the type of its elements, its length and first subscript, the elements.
func appendBigints(b []byte, list []int64) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(5*4+len(list)*(4+lengthOfBigint)))
	for _, n := range []uint32{1, 0, oidOfBigint, uint32(len(list)), 1} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	for _, n := range list {
		b = appendBigint(b, n)
	}
	return b
}

func appendRow(b []byte, fields int) []byte {
	return binary.BigEndian.AppendUint16(b, uint16(fields))
}

// copy sends rows in PostgreSQL's binary COPY format; buf lacks the trailer.
func (w *writer) copy(buf []byte, statement string, rows int) error {
	if rows == 0 {
		return nil
	}
	buf = append(buf, copyTrailer...)
	tag, err := w.tx.Conn().PgConn().CopyFrom(w.ctx, bytes.NewReader(buf), statement)
	if err != nil {
		return err
	}
	if tag.RowsAffected() != int64(rows) {
		return fmt.Errorf("%d of %d rows were copied", tag.RowsAffected(), rows)
	}
	return nil
}
