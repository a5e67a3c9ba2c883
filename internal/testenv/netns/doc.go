// Package netns gives tests a closed network on Linux, without root: a network
// namespace in a user namespace, with a loopback interface and nothing else.
// What is served in it cannot be reached from the host, and what runs in it
// reaches nothing but that.
//
//	func TestMain(m *testing.M) {
//		netns.Main()
//		testenv.Main(m)
//	}
//
//	n := netns.Start(t)
//	vendor := n.Serve(sim.Handler())                     // "http://127.88.0.1:40001", there only
//	database := n.Forward("127.0.0.1:5432")              // "127.88.0.1:40002", which leads out to it
//	worker := n.Command(testenv.Command(t, "sluice/worker"), "--pool", "emea")
//	proxy := http.Transport{DialContext: n.Dial}         // from the host into it
//
// A process in the namespaces, the gate, opens sockets there for the test, which
// gets them as files and uses them itself, and starts the processes that run
// there. They end with the test, whichever way it ends.
package netns
