package activities

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/source"
	"sluice/internal/transform"
)

// Transformed is what a batch came to.
type Transformed struct {
	Assets           int64 `json:"assets"`
	RejectedAssets   int64 `json:"rejectedAssets"`
	RejectedFindings int64 `json:"rejectedFindings"`
	LeftOutAssets    int64 `json:"leftOutAssets,omitempty"`
	LeftOutFindings  int64 `json:"leftOutFindings,omitempty"`
}

// Transform applies the run's map to a batch. It is a pure function of the
// batch and the map version: its rows and rejects stay in this worker's memory
// for Upsert, which computes them again where they are not.
func (a *Activities) Transform(ctx context.Context, ref catalog.BatchRef) (Transformed, error) {
	beating, _, stop := withHeartbeat(ctx, Beat{Stream: ref.Stream, Batch: ref.Batch, Doing: "transforming"})
	defer stop()
	result, err := a.transform(beating, ref)
	return result, a.toTemporal(beating, err)
}

func (a *Activities) transform(ctx context.Context, ref catalog.BatchRef) (Transformed, error) {
	rows, err := a.encode(ctx, ref)
	if err != nil {
		return Transformed{}, err
	}
	a.encoded.put(ref, rows)
	batch := rows.batch
	return Transformed{Assets: batch.Assets(), RejectedAssets: batch.RejectedAssets, RejectedFindings: batch.RejectedFindings,
		LeftOutAssets: batch.LeftOutAssets, LeftOutFindings: batch.LeftOutFindings}, nil
}

// encodedBatch is a batch's rows, and what did not become one.
type encodedBatch struct {
	batch   *inventory.Batch
	rejects []catalog.Reject
}

// encode reads a batch's records, applies the map and encodes the result.
func (a *Activities) encode(ctx context.Context, ref catalog.BatchRef) (*encodedBatch, error) {
	plan, err := a.store.PlanOf(ctx, ref.RunID)
	if err != nil {
		return nil, err
	}
	stream, err := plan.Stream(ref.Stream)
	if err != nil {
		return nil, err
	}
	program, err := a.program(ctx, stream.MapID)
	if err != nil {
		return nil, err
	}
	e := encoder{applier: program.NewApplier(), role: stream.Role, encodedBatch: &encodedBatch{batch: inventory.NewBatch(stream.Role)}}
	e.applier.Interrupt(ctx)
	stored := ref
	if plan.Replay != nil {
		if stored, e.only, err = a.replayed(ctx, *plan.Replay, ref); err != nil {
			return nil, err
		}
	}
	var raw []byte
	err = a.store.Chunks(ctx, stored, func(c catalog.Chunk) error {
		if raw, err = s2.Decode(raw[:cap(raw)], c.Data); err != nil {
			return fmt.Errorf("unpack a chunk of batch %d of %s: %w", ref.Batch, ref.Stream, err)
		}
		return e.chunk(ctx, raw)
	})
	return e.encodedBatch, err
}

type encoder struct {
	*encodedBatch
	applier *transform.Applier
	role    source.Role
	ordinal int64
	only    map[int64]bool // the places of the records that are taken; nil: all
}

// chunk encodes the records of a chunk, which are lines.
func (e *encoder) chunk(ctx context.Context, raw []byte) error {
	for record := range bytes.Lines(raw) {
		if e.only != nil && !e.only[e.ordinal] {
			e.ordinal++
			continue
		}
		e.record(record)
	}
	return ctx.Err()
}

func (e *encoder) record(record []byte) {
	if e.role == source.Reference {
		entry, rejects := e.applier.ApplyVulnerability(record)
		e.reject(rejects)
		switch {
		case entry != nil:
			e.batch.AddVulnerability(entry)
		case len(rejects) == 0:
			e.batch.LeftOutAssets++
		}
		return
	}
	asset, rejects := e.applier.Apply(record)
	keep := e.reject(rejects)
	out := e.applier.LeftOut()
	switch {
	case asset != nil:
		for _, o := range out {
			keep = append(keep, o.FindingID)
		}
		e.batch.LeftOutFindings += int64(len(out))
		e.batch.Add(asset, keep)
	// What is not written may be there all the same: an asset or, where the
	// record is one finding, that finding.
	case len(rejects) == 0 && out[0].Finding < 0:
		e.batch.LeftOutAssets++
		e.batch.Saw(out[0].AssetID)
	case len(rejects) == 0:
		e.batch.LeftOutFindings++
		e.batch.SawFinding(out[0].AssetID, out[0].FindingID)
	case rejects[0].AssetID == "":
	case rejects[0].Finding < 0:
		e.batch.SawRejected(rejects[0].AssetID)
	default:
		e.batch.SawFinding(rejects[0].AssetID, rejects[0].FindingID)
	}
}

// reject keeps what was rejected from a record, and returns the external ids
// of its rejected findings.
func (e *encoder) reject(rejects []transform.Reject) (findings []string) {
	for _, r := range rejects {
		e.rejects = append(e.rejects, catalog.Reject{
			Ordinal: e.ordinal, Finding: r.Finding, AssetID: r.AssetID, FindingID: r.FindingID, MapRow: r.Row, Value: r.Value, Reason: r.Reason,
		})
		if r.Finding < 0 {
			e.batch.RejectedAssets++
			continue
		}
		e.batch.RejectedFindings++
		findings = append(findings, r.FindingID)
	}
	e.ordinal++
	return findings
}

// encodedBatches keeps the rows of the batches that are about to be written.
// A stream has at most two such batches, so that a few slots serve a worker
// with several runs; who finds its slot taken computes its rows again.
type encodedBatches struct {
	mu    sync.Mutex
	slots [8]struct {
		ref  catalog.BatchRef
		rows *encodedBatch
	}
	next int
}

func (e *encodedBatches) put(ref catalog.BatchRef, rows *encodedBatch) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.slots[e.next].ref, e.slots[e.next].rows = ref, rows
	e.next = (e.next + 1) % len(e.slots)
}

// take returns a batch's rows and forgets them; nil when they are not here.
func (e *encodedBatches) take(ref catalog.BatchRef) *encodedBatch {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.slots {
		if e.slots[i].ref == ref && e.slots[i].rows != nil {
			rows := e.slots[i].rows
			e.slots[i].rows = nil
			return rows
		}
	}
	return nil
}
