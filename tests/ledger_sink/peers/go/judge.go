package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	f_note "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const width = 256

type head struct {
	size int64
	root tlog.Hash
}

// judgeLog lets both implementations read one log.
func judgeLog(ctx context.Context, args []string) {
	if len(args) < 2 {
		usage()
	}
	dir, vkey := args[0], args[1]
	var cosigner string
	var olds []string
	for rest := args[2:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) == 1 {
			usage()
		}
		switch rest[0] {
		case "--cosigner":
			cosigner = rest[1]
		case "--old":
			olds = append(olds, rest[1])
		default:
			usage()
		}
	}
	verifier, err := note.NewVerifier(vkey)
	if !told("sumdb note key", vkey, err) {
		os.Exit(1)
	}
	newest, err := open(filepath.Join(dir, "checkpoint"), verifier)
	good := told("sumdb note", fmt.Sprintf("checkpoint of size %d", newest.size), err)
	if good {
		what, err := judgeTree(dir, newest, olds, verifier)
		good = told("sumdb tlog", what, err) && good
	}
	if cosigner != "" {
		good = told("cosignature", cosigner, judgeCosignature(dir, cosigner)) && good
	}
	// As many workers as tiles: with fewer, v1.0.4 waits for ever after a mismatch (transparency-dev/tessera#1098).
	workers := fsck.Opts{N: uint(newest.size/128 + 16)}
	checked := fsck.New(verifier.Name(), verifier, &client.FileFetcher{Root: dir}, leafHashes, workers)
	good = told("tessera fsck", dir, check(ctx, checked)) && good
	if !good {
		os.Exit(1)
	}
}

// check is fsck's own, whose panic at a bundle that is too short counts as a refusal.
func check(ctx context.Context, checked *fsck.Fsck) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	return checked.Check(ctx)
}

// open reads a checkpoint with sumdb's note package and parses its three lines.
func open(path string, verifier note.Verifier) (head, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return head{}, err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return head{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return head{}, fmt.Errorf("expected a checkpoint of %s, got %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return head{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return head{size, root}, err
}

// judgeTree recomputes the root from the tiles, proves every entry or a spread of them, and every older checkpoint.
func judgeTree(dir string, newest head, olds []string, verifier note.Verifier) (string, error) {
	tiles := &tileDir{dir}
	reader := tlog.TileHashReader(tlog.Tree{N: newest.size, Hash: newest.root}, tiles)
	root, err := tlog.TreeHash(newest.size, reader)
	if err != nil {
		return "", err
	}
	if root != newest.root {
		return "", fmt.Errorf("tree hash is %v, the checkpoint says %v", root, newest.root)
	}
	proved := int64(0)
	step := max(1, newest.size/1000)
	for first := int64(0); first < newest.size; first += width {
		entries, err := bundle(dir, first, newest.size)
		if err != nil {
			return "", err
		}
		for place, entry := range entries {
			index := first + int64(place)
			if index%step != 0 && index != newest.size-1 {
				continue
			}
			proof, err := tlog.ProveRecord(newest.size, index, reader)
			if err != nil {
				return "", fmt.Errorf("entry %d: %w", index, err)
			}
			if err := tlog.CheckRecord(proof, newest.size, newest.root, index, tlog.RecordHash(entry)); err != nil {
				return "", fmt.Errorf("entry %d: %w", index, err)
			}
			proved++
		}
	}
	for _, path := range olds {
		old, err := open(path, verifier)
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		proof, err := tlog.ProveTree(newest.size, old.size, reader)
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		if err := tlog.CheckTree(proof, newest.size, newest.root, old.size, old.root); err != nil {
			return "", fmt.Errorf("%s: size %d is not consistent: %w", path, old.size, err)
		}
	}
	return fmt.Sprintf("%d inclusion proofs, %d consistency proofs", proved, len(olds)), nil
}

// bundle reads the entries of one bundle of a log of that size.
func bundle(dir string, first, size int64) ([][]byte, error) {
	count := min(width, size-first)
	name := "tile/entries/" + place(first/width)
	data, err := readTile(dir, name, count)
	if err != nil {
		return nil, err
	}
	read := &api.EntryBundle{}
	if err := read.UnmarshalText(data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(read.Entries)) < count {
		return nil, fmt.Errorf("%s: %d entries, expected %d", name, len(read.Entries), count)
	}
	return read.Entries[:count], nil
}

// place spells a tile's number, which sumdb does as tlog-tiles does.
func place(number int64) string {
	return strings.TrimPrefix(tlog.Tile{H: 8, L: 0, N: number, W: width}.Path(), "tile/8/0/")
}

// readTile reads a partial tile, or the full one where the partial one is gone (tlog-tiles, "Partial Tiles").
func readTile(dir, name string, count int64) ([]byte, error) {
	if count < width {
		data, err := os.ReadFile(filepath.Join(dir, name+".p", strconv.FormatInt(count, 10)))
		if !errors.Is(err, os.ErrNotExist) {
			return data, err
		}
	}
	return os.ReadFile(filepath.Join(dir, name))
}

// tileDir gives sumdb's tlog the tiles of a tlog-tiles directory; both use tiles of height 8, paths differ.
type tileDir struct{ dir string }

func (t *tileDir) Height() int { return 8 }

func (t *tileDir) SaveTiles([]tlog.Tile, [][]byte) {}

func (t *tileDir) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, err := readTile(t.dir, fmt.Sprintf("tile/%d/%s", tile.L, place(tile.N)), int64(tile.W))
		if err != nil {
			return nil, err
		}
		if len(data) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes, expected %d", tile.Path(), len(data), tile.W*tlog.HashSize)
		}
		found = append(found, data[:tile.W*tlog.HashSize])
	}
	return found, nil
}

// judgeCosignature demands a cosignature of this witness on the newest checkpoint.
func judgeCosignature(dir, vkey string) error {
	verifier, err := f_note.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	_, err = note.Open(data, note.VerifierList(verifier))
	return err
}

// leafHashes hashes the entries of a bundle, for fsck.
func leafHashes(data []byte) ([][]byte, error) {
	read := &api.EntryBundle{}
	if err := read.UnmarshalText(data); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, entry := range read.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}
