package netns

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// What the gate can be asked for.
const (
	doOpen   = "open"   // nothing but that the network is ready
	doListen = "listen" // a listener as a file
	doDial   = "dial"   // a connection as a file
	doRun    = "run"    // a process, with three files; signals follow
)

// request is what the gate is asked for.
type request struct {
	Do      string   `json:"do,omitempty"`
	Network string   `json:"network,omitempty"`
	Address string   `json:"address,omitempty"`
	Path    string   `json:"path,omitempty"`
	Args    []string `json:"args,omitempty"`
	Env     []string `json:"env,omitempty"`
	Dir     string   `json:"dir,omitempty"`
	Signal  int      `json:"signal,omitempty"` // for the process that runs

	files []*os.File
}

// answer is what came of it.
type answer struct {
	Error string        `json:"error,omitempty"`
	Errno syscall.Errno `json:"errno,omitempty"`
	Exit  int           `json:"exit"` // of the process

	files []*os.File
}

func failed(err error) answer {
	a := answer{Error: err.Error()}
	errors.As(err, &a.Errno) // 0 when there is none in it
	return a
}

// gateError is an error of the gate; it is the system's error that it was there.
type gateError struct{ answer }

func (e gateError) Error() string { return e.answer.Error }

func (e gateError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

func (a *answer) err() error {
	if a.Error == "" {
		return nil
	}
	return gateError{*a}
}

// line is a connection to the gate. Messages are JSON; files go with them.
type line struct {
	*net.UnixConn
	messages *json.Decoder
	files    []*os.File // that have arrived
}

func newLine(conn *net.UnixConn) *line {
	l := &line{UnixConn: conn}
	l.messages = json.NewDecoder(arrivals{l})
	return l
}

func dialGate(ctx context.Context, socket string) (*line, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	return newLine(conn.(*net.UnixConn)), nil
}

// send sends a message, and files with its first byte.
func (l *line) send(message any, files ...*os.File) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	var fds []int
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	var rights []byte
	if len(fds) > 0 {
		rights = syscall.UnixRights(fds...)
	}
	if _, _, err := l.WriteMsgUnix(text[:1], rights, nil); err != nil {
		return err
	}
	_, err = l.Write(text[1:])
	return err
}

// receive reads a message, and takes the files that came with it.
func (l *line) receive(message any) error {
	if err := l.messages.Decode(message); err != nil {
		return err
	}
	switch m := message.(type) {
	case *request:
		m.files = l.files
	case *answer:
		m.files = l.files
	}
	l.files = nil
	return nil
}

// arrivals reads what arrives on a line, and keeps its files.
type arrivals struct{ *line }

// maxFiles is the number of files that go with a message at most.
const maxFiles = 3

func (a arrivals) Read(b []byte) (int, error) {
	rights := make([]byte, syscall.CmsgSpace(4*maxFiles))
	n, size, _, _, err := a.ReadMsgUnix(b, rights)
	if err != nil {
		return 0, err // n is -1 then
	}
	if n == 0 && size == 0 {
		return 0, io.EOF
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:size])
	if err != nil {
		return n, err
	}
	for _, m := range messages {
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			return n, err
		}
		for _, fd := range fds {
			a.files = append(a.files, os.NewFile(uintptr(fd), "from the gate"))
		}
	}
	return n, nil
}
