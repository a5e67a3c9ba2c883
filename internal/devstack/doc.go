// Package devstack runs what Sluice needs on one machine as supervised child processes: PostgreSQL,
// a Temporal development server with its web UI, and the worker.
//
// [Up] starts all of it and [Stack.Down] stops it; [StartPostgres] and [StartTemporal] start one
// server each. Every server listens on 127.0.0.1 only. A child that is killed comes back on the
// same port with the same data. When the process that started the children is itself killed, Linux
// kills them with it; whatever survives elsewhere is recorded by process id and start time, and
// ended by the next start.
package devstack
