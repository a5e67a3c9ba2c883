package devstack

import (
	"fmt"
	"net"
	"slices"
	"strconv"
)

// freePort returns a TCP port of 127.0.0.1 that nobody listens on at this moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("cannot find a free port on 127.0.0.1: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// portTaken reports whether somebody listens on the port of 127.0.0.1.
func portTaken(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", portString(port)))
	if err == nil {
		err = l.Close()
	}
	return err != nil
}

// onPreferredPorts calls start with the ports, so that addresses stay the same from time to time,
// but with free ones in place of those that are taken. A port that somebody else took while start
// was at it makes it try again.
func onPreferredPorts(preferred []int, start func(ports []int) error) error {
	const attempts = 3
	for attempt := 1; ; attempt++ {
		ports := slices.Clone(preferred)
		for i, port := range ports {
			if !portTaken(port) {
				continue
			}
			free, err := freePort()
			if err != nil {
				return err
			}
			ports[i] = free
		}
		err := start(ports)
		if err == nil || attempt == attempts || !slices.ContainsFunc(ports, portTaken) {
			return err
		}
	}
}

func portString(port int) string { return strconv.Itoa(port) }
