// A Go service's view of the door: clickhouse-go over HTTP, which is what Grafana's plug-in uses too.
// It prints one line per check and ends with exit code 1 at the first wrong answer.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

func connect(password string) driver.Conn {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol:    clickhouse.HTTP,
		Addr:        []string{os.Getenv("DOOR_ADDRESS")},
		Auth:        clickhouse.Auth{Database: "default", Username: os.Getenv("DOOR_USER"), Password: password},
		Settings:    clickhouse.Settings{"max_execution_time": 60},
		DialTimeout: 10 * time.Second,
	})
	must("open", err)
	return conn
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	conn := connect(os.Getenv("DOOR_PASSWORD"))
	defer conn.Close()
	must("ping", conn.Ping(ctx))
	version, err := conn.ServerVersion()
	must("hello", err)
	fmt.Println("hello", version.DisplayName, version.Version, version.Timezone)
	checkRows(ctx, conn)
	checkTypes(ctx, conn)
	checkParameters(ctx, conn)
	checkErrors(ctx, conn)
}

func checkRows(ctx context.Context, conn driver.Conn) {
	rows, err := conn.Query(ctx, "SELECT number, toString(number) FROM numbers(100000)")
	must("rows", err)
	var sum, count uint64
	for rows.Next() {
		var number uint64
		var text string
		must("row", rows.Scan(&number, &text))
		sum, count = sum+number, count+1
	}
	must("rows end", rows.Err())
	same("rows", []uint64{count, sum}, []uint64{100000, 4999950000})
}

func checkTypes(ctx context.Context, conn driver.Conn) {
	must("drop", conn.Exec(ctx, "DROP TABLE IF EXISTS go_types"))
	must("create", conn.Exec(ctx, `CREATE TABLE go_types (id UUID, at DateTime64(6, 'UTC'), day Date32,
		label LowCardinality(String), maybe Nullable(Float64), tags Array(String), named Map(String, Int32),
		price Decimal(18, 4), salt FixedString(4), flag Bool) ENGINE = MergeTree ORDER BY id`))
	id := uuid.New()
	at := time.Date(2026, 3, 1, 12, 30, 0, 123456000, time.UTC)
	value := 2.5
	price := decimal.RequireFromString("12.3400")
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO go_types")
	must("prepare", err)
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	must("append", batch.Append(id, at, day, "가", &value, []string{"a", "b"}, map[string]int32{"x": 1}, price, "salt", true))
	must("send", batch.Send())
	var gotID uuid.UUID
	var gotAt, gotDay time.Time
	var gotLabel, gotSalt string
	var gotMaybe *float64
	var gotTags []string
	var gotNamed map[string]int32
	var gotPrice decimal.Decimal
	var gotFlag bool
	must("scan", conn.QueryRow(ctx, "SELECT * FROM go_types").Scan(&gotID, &gotAt, &gotDay, &gotLabel, &gotMaybe,
		&gotTags, &gotNamed, &gotPrice, &gotSalt, &gotFlag))
	same("id", gotID, id)
	same("at", gotAt.UnixMicro(), at.UnixMicro())
	same("day", gotDay.Format("2006-01-02"), "2026-03-01")
	same("text", []string{gotLabel, gotSalt}, []string{"가", "salt"})
	same("maybe", *gotMaybe, value)
	same("array", gotTags, []string{"a", "b"})
	same("map", gotNamed, map[string]int32{"x": 1})
	same("decimal", gotPrice.String(), price.String())
	same("bool", gotFlag, true)
	must("drop", conn.Exec(ctx, "DROP TABLE go_types"))
}

func checkParameters(ctx context.Context, conn driver.Conn) {
	var text string
	bound := clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"name": "it's"}))
	must("parameter", conn.QueryRow(bound, "SELECT {name:String}").Scan(&text))
	same("parameter", text, "it's")
}

func checkErrors(ctx context.Context, conn driver.Conn) {
	err := conn.Exec(ctx, "SELECT nope")
	if err == nil {
		fail("error", "none", "Code: 47")
	}
	fmt.Println("error told:", err)
	refused := connect("wrong").Ping(ctx)
	if refused == nil || errors.Is(refused, context.DeadlineExceeded) {
		fail("wrong password", refused, "a refusal")
	}
	fmt.Println("refused:", refused)
}

func same(what string, got, want any) {
	if !reflect.DeepEqual(got, want) {
		fail(what, got, want)
	}
	fmt.Println("ok", what)
}

func must(what string, err error) {
	if err != nil {
		fail(what, err, "no error")
	}
}

func fail(what string, got, want any) {
	fmt.Printf("wrong %s: got %v, want %v\n", what, got, want)
	os.Exit(1)
}
