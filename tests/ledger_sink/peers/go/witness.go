package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

// askWitness grows a Tessera log whose every checkpoint needs the cosignature of the one witness.
func askWitness(ctx context.Context, args []string) {
	if len(args) != 5 {
		usage()
	}
	url, witness, skey, dir := args[0], args[1], args[2], args[3]
	rounds, err := strconv.Atoi(args[4])
	if err != nil {
		usage()
	}
	good := true
	for round := range rounds {
		size, err := grow(ctx, url, witness, skey, dir, round)
		what := fmt.Sprintf("cosigned at size %d", size)
		good = told("tessera client", what, err) && good
	}
	if !good {
		os.Exit(1)
	}
}

// grow appends some entries and waits until Tessera published a checkpoint, which it does with its quorum only.
func grow(ctx context.Context, url, witness, skey, dir string, round int) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	signer, err := note.NewSigner(skey)
	if err != nil {
		return 0, err
	}
	policy := fmt.Sprintf("witness w1 %s %s\ngroup all-of-them all w1\nquorum all-of-them\n", witness, url)
	group, err := tessera.NewWitnessGroupFromPolicy([]byte(policy))
	if err != nil {
		return 0, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return 0, err
	}
	count := 5 + 100*round
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(uint(count), 50*time.Millisecond).
		WithCheckpointInterval(100*time.Millisecond).
		WithWitnesses(group, &tessera.WitnessOptions{Timeout: 3 * time.Second})
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return 0, err
	}
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond)
	var futures []tessera.IndexFuture
	for i := range count {
		futures = append(futures, appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "round %d entry %d", round, i))))
	}
	last := uint64(0)
	for _, future := range futures {
		index, _, err := awaiter.Await(ctx, future)
		if err != nil {
			return 0, fmt.Errorf("no checkpoint with the quorum was published: %w", err)
		}
		last = max(last, index.Index)
	}
	if err := shutdown(ctx); err != nil {
		return 0, err
	}
	if err := judgeCosignature(dir, witness); err != nil {
		return 0, fmt.Errorf("%s: %w", filepath.Join(dir, "checkpoint"), err)
	}
	return last + 1, nil
}
