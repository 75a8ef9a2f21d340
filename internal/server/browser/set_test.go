package browser_test

import (
	"net/http"
	"testing"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// setPosts sends the forms of sets. The engine, whose part nobody plays here,
// would take the steps.
func (w *world) setPosts() {
	w.fill("Ana", "/sets/new", "/sets", "name", "Checkout 7", "environment", "dev", "items", "billing-api 1.0.0\r\n").leadsTo("/sets/1")
	w.get("Jonas", "/sets").status(http.StatusOK).says("Checkout 7", "0 of 1 live.")
	w.get("Jonas", "/s/billing-api").status(http.StatusOK).says("Together with others", "Checkout 7")
	w.fill("Ana", "/sets/1", "/sets/1/cancel", "reason", "lunch").leadsTo("/sets/1")
	w.fill("Ana", "/sets/1", "/sets/1/rollback", "reason", "no").leadsTo("/sets/1")
}

func TestSetForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	refused := w.fill("Ana", "/sets/new", "/sets", "name", "Checkout 7", "environment", "dev", "items", "billing-api 1.0.0 before web\nbilling-api", "note", "Kept").
		status(http.StatusUnprocessableEntity).says("Nothing was started.", "line 1 is not of the form", "line 2 is not of the form")
	if form := refused.form("/sets"); form.Get("name") != "Checkout 7" || form.Get("note") != "Kept" || form.Get("environment") != "dev" {
		t.Errorf("what was typed is lost: %v", form)
	}
	w.fill("Ana", "/sets/new", "/sets", "name", "x", "environment", "dev", "items", "billing-api 1.0.0 after web").status(http.StatusUnprocessableEntity).says("is not in this set")
	w.fill("Ana", "/sets/new", "/sets", "name", "x", "environment", "dev", "items", "biling-api 1.0.0").status(http.StatusUnprocessableEntity).says("There is no service")
	w.fill("Ana", "/sets/new", "/sets", "name", "x", "environment", "production", "items", "billing-api 9.9.9").status(http.StatusUnprocessableEntity).says("9.9.9")
	w.fill("Vera", "/sets/new", "/sets", "name", "x", "environment", "dev", "items", "billing-api 1.0.0").status(http.StatusUnprocessableEntity).says("There is no service")
	checkPage(refused)
}

// TestSetPage shows a set as it goes, to who may steer it and who may not.
func TestSetPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.furnish()
	set, err := w.app.PromoteSet(t.Context(), w.actor("Jonas"), app.PromoteSet{Name: "Checkout 7", Environment: "dev", Note: "At last", OnFailure: slipway.OnFailureStop,
		Items: []app.SetItem{{Service: "billing-api", Version: "1.0.0"}}})
	must(t, err)
	a := w.get("Jonas", "/sets/1").status(http.StatusOK).says("Checkout 7 to dev", "At last", "if one fails, all stay where they are", "Its turn comes later.", "asked by Jonas", "Cancel this set")
	checkPage(a)
	w.fill("Jonas", "/sets/1", "/sets/1/cancel", "reason", "lunch").leadsTo("/sets/1")
	w.get("Ana", "/sets/1").status(http.StatusOK).says("winding up")
	again := w.get("Jonas", "/sets/1").form("/sets/1/rollback")
	w.send("Jonas", http.MethodPost, "/sets/1/cancel", again).status(http.StatusConflict).says("cannot be cancelled")
	w.get("Vera", "/sets/1").status(http.StatusNotFound)
	w.get("Ana", "/sets/two").status(http.StatusNotFound)
	for state, want := range map[slipway.ItemState]string{
		slipway.ItemSucceeded: "Live.", slipway.ItemFailed: "Did not get there, as before.", slipway.ItemSkipped: "Was not asked for, as before.", slipway.ItemToRollBack: "Live, to go back.",
		slipway.ItemRollingBack: "Going back.", slipway.ItemRolledBack: "Rolled back.", slipway.ItemKept: "Could not go back.", slipway.ItemUnclear: "Not clear what is there.",
	} {
		must(t, w.store.Write(t.Context(), func(tx slipway.Tx) error {
			now, err := tx.Sets().Get(t.Context(), set.ID)
			if err != nil {
				return err
			}
			now.Items[0].State = state
			_, err = tx.Sets().Save(t.Context(), now)
			return err
		}))
		w.get("Ana", "/sets/1").status(http.StatusOK).says(want)
	}
}
