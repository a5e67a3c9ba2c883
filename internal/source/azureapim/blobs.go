package azureapim

import (
	"sync/atomic"

	"sluice/internal/transport"
)

// blobs notes whether the place of documents can be reached. Where the
// worker's network does not let it out to there, every link would cost its
// time; exports without a link work all the same.
type blobs struct{ failures atomic.Int32 }

// failuresToStop is after how many links in a row that lead nowhere no more
// are followed.
const failuresToStop = 3

func (b *blobs) gone() bool { return b.failures.Load() >= failuresToStop }

// note notes how an export ended.
func (b *blobs) note(e exported) {
	switch {
	case e.downloading && transport.NotReached(e.err):
		b.failures.Add(1)
	case e.downloading, e.err == nil && !b.gone():
		b.failures.Store(0)
	}
}
