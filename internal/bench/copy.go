package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// copySource holds the rows of an inventory as ready-made data for binary
// COPY, in a file, cut into transactions.
type copySource struct {
	file     *os.File
	pieces   []piece
	findings int64
}

// piece is what one COPY sends, a complete message of PostgreSQL's binary
// COPY format.
type piece struct {
	table        string
	offset, size int64
	rows         int64
}

// The frame of PostgreSQL's binary COPY format (PostgreSQL documentation,
// COPY, "Binary Format").
const (
	copyHeader  = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyTrailer = "\xff\xff"
)

// keepRows reads assets and findings out of the database into a file.
func keepRows(ctx context.Context, db *pgx.Conn, path string, rowsEach int) (_ *copySource, err error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	s := &copySource{file: file}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	cut := &cutter{out: bufio.NewWriterSize(file, 1<<20), rowsEach: int64(rowsEach)}
	for _, table := range []string{"assets", "findings"} {
		if err := cut.table(ctx, db, table); err != nil {
			return nil, fmt.Errorf("read the rows of %s: %w", table, err)
		}
	}
	s.pieces = cut.pieces
	for _, p := range s.pieces {
		if p.table == "findings" {
			s.findings += p.rows
		}
	}
	return s, cut.out.Flush()
}

// copyTo sends all rows into the tables of that schema.
func (s *copySource) copyTo(ctx context.Context, conn *pgconn.PgConn, schema string) (rows int64, err error) {
	for _, p := range s.pieces {
		data := io.NewSectionReader(s.file, p.offset, p.size)
		tag, err := conn.CopyFrom(ctx, data, "COPY "+schema+"."+p.table+" FROM STDIN BINARY")
		if err != nil {
			return rows, fmt.Errorf("copy into %s.%s: %w", schema, p.table, err)
		}
		rows += tag.RowsAffected()
	}
	return rows, nil
}

// cutter cuts the data of COPY TO into pieces.
type cutter struct {
	out      *bufio.Writer
	written  int64
	rowsEach int64
	pieces   []piece
}

func (c *cutter) table(ctx context.Context, db *pgx.Conn, table string) error {
	from, to := io.Pipe()
	go func() {
		_, err := db.PgConn().CopyTo(ctx, to, "COPY "+table+" TO STDOUT BINARY")
		to.CloseWithError(err) // io.EOF for nil
	}()
	err := c.cut(bufio.NewReaderSize(from, 1<<20), table)
	from.CloseWithError(err)
	return err
}

func (c *cutter) cut(in *bufio.Reader, table string) error {
	header := make([]byte, len(copyHeader))
	if _, err := io.ReadFull(in, header); err != nil {
		return err
	}
	if !bytes.Equal(header, []byte(copyHeader)) {
		return errors.New("not the binary COPY format that is known")
	}
	var p *piece
	for {
		var fields [2]byte
		if _, err := io.ReadFull(in, fields[:]); err != nil {
			return err
		}
		ended := string(fields[:]) == copyTrailer
		if p != nil && (ended || p.rows == c.rowsEach) {
			c.write([]byte(copyTrailer))
			p.size = c.written - p.offset
			c.pieces = append(c.pieces, *p)
			p = nil
		}
		if ended {
			_, err := io.Copy(io.Discard, in)
			return err
		}
		if p == nil {
			p = &piece{table: table, offset: c.written}
			c.write([]byte(copyHeader))
		}
		p.rows++
		c.write(fields[:])
		for range binary.BigEndian.Uint16(fields[:]) {
			if err := c.field(in); err != nil {
				return err
			}
		}
	}
}

// field passes on a field: its length, then its value; -1 is a null.
func (c *cutter) field(in *bufio.Reader) error {
	var length [4]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return err
	}
	c.write(length[:])
	if n := int32(binary.BigEndian.Uint32(length[:])); n > 0 {
		copied, err := io.CopyN(c.out, in, int64(n))
		c.written += copied
		return err
	}
	return nil
}

// write writes to the file; an error shows when it is flushed.
func (c *cutter) write(b []byte) {
	n, _ := c.out.Write(b)
	c.written += int64(n)
}
