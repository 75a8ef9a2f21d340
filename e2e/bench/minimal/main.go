// Command minimal is what Slipway's start is measured beside: echo and the same
// SQLite driver, and nothing else.
package main

import (
	"database/sql"
	"log"
	"net/http"
	"os"

	"github.com/labstack/echo/v4"
	_ "modernc.org/sqlite"
)

func main() {
	db, err := sql.Open("sqlite", "file:"+os.Args[2]+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		log.Fatal(err)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/readyz", func(c echo.Context) error {
		var one int
		if err := db.QueryRowContext(c.Request().Context(), `SELECT 1 FROM deployments LIMIT 1`).Scan(&one); err != nil {
			return err
		}
		return c.NoContent(http.StatusOK)
	})
	log.Fatal(e.Start(os.Args[1]))
}
