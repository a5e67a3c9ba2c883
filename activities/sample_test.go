package activities

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/source"
)

// chunkOf has so many records of so many bytes each, and is the last one.
func chunkOf(records, size int) source.Chunk {
	record := append(bytes.Repeat([]byte("x"), size-1), '\n')
	return source.Chunk{Data: bytes.Repeat(record, records), Records: records, End: true}
}

func TestASampleTakesWhatThereIsRoomForAndSaysSo(t *testing.T) {
	t.Parallel()
	s := sample{most: 10}
	require.NoError(t, s.add(chunkOf(4, catalog.MaxSample/3)))
	require.True(t, s.enough())
	require.Equal(t, Sampled{Records: 3, Unread: []string{"there is room for 16 MiB: further records are left out"}}, s.Sampled)
	require.LessOrEqual(t, len(s.lines), catalog.MaxSample)

	s = sample{most: 3}
	require.NoError(t, s.add(chunkOf(4, catalog.MaxSample/3)))
	require.Equal(t, Sampled{Records: 3}, s.Sampled, "no more were asked for")

	s = sample{Sampled: Sampled{AssetType: "HOST"}, most: 10}
	require.EqualError(t, s.add(chunkOf(1, catalog.MaxSample+1)), "the first record of HOST is larger than 16 MiB, which there is room for")
}
