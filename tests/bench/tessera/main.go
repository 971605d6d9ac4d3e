// A peer of the ledger row: Tessera's POSIX log, given finished entries of 50 bytes.
//
// Its argument is JSON (see told); it prints one line as tests/bench/clock.py does. The clock runs from the first
// entry handed over to the last one integrated and durable; then the published checkpoint must hold them all.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const (
	entryBytes = 50
	interval   = time.Second
	maxAge     = 50 * time.Millisecond
)

type told struct {
	Leaves string `json:"leaves"`
	Folder string `json:"folder"`
	Total  int    `json:"total"`
	Batch  uint   `json:"batch"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "tessera:", err)
		os.Exit(1)
	}
}

func run() error {
	var t told
	if err := json.Unmarshal([]byte(os.Args[1]), &t); err != nil {
		return err
	}
	data, err := os.ReadFile(t.Leaves)
	if err != nil {
		return err
	}
	ctx := context.Background()
	secret, _, err := note.GenerateKey(rand.Reader, "bench.example/log")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: t.Folder})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(interval).
		WithBatching(t.Batch, maxAge).
		WithPushback(uint(t.Total) + 1)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	begun, cpu := time.Now(), used()
	futures := make([]tessera.IndexFuture, t.Total)
	for at := range futures {
		futures[at] = appender.Add(ctx, tessera.NewEntry(data[at*entryBytes:(at+1)*entryBytes]))
	}
	for _, future := range futures {
		if _, err := future(); err != nil {
			return err
		}
	}
	seconds, cpu := time.Since(begun).Seconds(), used()-cpu
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 100*time.Millisecond)
	for _, future := range futures[t.Total-1:] {
		if _, _, err := awaiter.Await(ctx, future); err != nil {
			return err
		}
	}
	fmt.Printf("\nbench: {\"events\": %d, \"seconds\": %g, \"cpu_s\": %g}\n", t.Total, seconds, cpu)
	return shutdown(ctx)
}

// used returns the processor time of this process with all its threads, in seconds.
func used() float64 {
	var found syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &found); err != nil {
		return 0
	}
	return float64(found.Utime.Nano()+found.Stime.Nano()) / 1e9
}
