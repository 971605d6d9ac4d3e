// Two independent implementations judge what our ledger wrote and what our witness answers.
//
//	peers log DIR VKEY [--cosigner VKEY] [--old CHECKPOINT]…
//	peers witness URL WITNESS_VKEY LOG_SKEY DIR ROUNDS
//
// `log` reads a tlog-tiles directory with golang.org/x/mod/sumdb (note, tlog) and with Tessera's fsck; each says one
// line, "NAME: ok …" or "NAME: REFUSED: …". `witness` runs a log of Tessera's own, whose client asks the witness at
// the URL for cosignatures. Exit code 0: nothing was refused.
package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if len(os.Args) < 2 {
		usage()
	}
	switch os.Args[1] {
	case "log":
		judgeLog(ctx, os.Args[2:])
	case "witness":
		askWitness(ctx, os.Args[2:])
	default:
		usage()
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: peers log DIR VKEY [--cosigner VKEY] [--old CHECKPOINT]…\n"+
		"       peers witness URL WITNESS_VKEY LOG_SKEY DIR ROUNDS")
	os.Exit(2)
}

// told prints what one implementation says of it and reports whether it accepted.
func told(name, what string, err error) bool {
	if err != nil {
		fmt.Printf("%s: REFUSED: %v\n", name, err)
		return false
	}
	fmt.Printf("%s: ok %s\n", name, what)
	return true
}
