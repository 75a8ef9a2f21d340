package bench

import (
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway/internal/store/pgtest"
)

// TestPartsServe starts each of the programs that benchmarks are made of, as they
// start it. What a benchmark needs breaks unseen otherwise: nobody runs one for
// weeks.
func TestPartsServe(t *testing.T) {
	t.Parallel()
	address, queue := sqliteURL(t), sqliteURL(t)
	seed(t, address, size{services: 2, waiting: 1})
	migrate(t, queue)
	state := t.TempDir()
	portal := part{Role: "portal", Database: address, State: state, Ledger: filepath.Join(state, "ledger")}
	talking := portal
	talking.Chat = "http://127.0.0.1:9/api"
	first := start(t, talking)
	for name, p := range map[string]part{
		"a portal on a database that another has": portal,
		"bare":   {Role: "bare", Database: address, Queue: queue, Floor: sqliteURL(t), Token: first.Tokens["ben"]},
		"writer": {Role: "writer", Database: address},
		"hooks":  {Role: "hooks", Database: sqliteURL(t)},
		"chains": {Role: "chains", Queue: queue},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, p)
			if p.Role == "portal" {
				aim(t, client(), c.URL+"/", signIn(t, c.URL, "ben"), serviceName(1))
			}
		})
	}
}

// TestBoardQueries: a board asks the database four times. Each question more is a
// way there and back for everybody, all day.
func TestBoardQueries(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	seed(t, address, size{services: 12, waiting: 2})
	if n := countQueries(t, address, 5); n > 4 {
		t.Errorf("a board asks %.0f queries, more than 4", n)
	}
}
