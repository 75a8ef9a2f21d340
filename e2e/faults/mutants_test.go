package faults_test

// Mutants are changes that make Slipway worse in one way each: a check is
// dropped, a promise is broken. Each has a test that must fail because of it; a
// mutant that all tests survive fails the run. The text that is replaced must be
// in its file exactly once, which every run of the tests checks.
type mutant struct {
	name string // what is worse
	file string
	old  string
	new  string
	in   string // package of the tests
	by   string // tests that must notice, as a pattern
	slow bool   // only in full
}

func mutants() []mutant {
	const sim, simTest = "./e2e/faults", "^TestSimulation$"
	return []mutant{
		{"a save does not look at the epoch", "internal/store/deployments.go", "WHERE id = ? AND epoch = ? AND (state", "WHERE id = ? AND epoch >= ? - 1000 AND (state", "./internal/store", "^TestSQLite$", false},
		{"a step of an engine that was overtaken is saved", "internal/store/deployments.go", "WHERE id = ? AND epoch = ? AND (state", "WHERE id = ? AND epoch >= ? - 1000 AND (state", "./internal/engine", "^TestOvertakenStepChangesNothing$", false},
		{"an overtaken judgement is saved", "internal/store/deployments.go", "WHERE id = ? AND epoch = ? AND (state", "WHERE id = ? AND epoch >= ? - 1000 AND (state", "./internal/engine", "^TestOvertakenJudgementChangesNothing$", false},
		{"two deployments of a stage may be active (SQLite)", "migrations/sqlite/00002_deployments.sql", "CREATE UNIQUE INDEX deployments_one_active", "CREATE INDEX deployments_one_active", "./internal/store", "^TestSQLite$", false},
		{"two deployments of a stage may be active (PostgreSQL)", "migrations/postgres/00002_deployments.sql", "CREATE UNIQUE INDEX deployments_one_active", "CREATE INDEX deployments_one_active", "./internal/store", "^TestPostgres$", false},
		{"what has ended may be saved again", "internal/store/deployments.go", "AND (state = ? OR ` + activeStates + `)`", "AND (state = ? OR state <> '' OR ` + activeStates + `)`", "./internal/store", "^TestSQLite$", false},
		{"a commit that failed is acknowledged (PostgreSQL)", "internal/store/once.go", "if err := t.commit(ctx); err != nil {", "if err := t.commit(ctx); err != nil && ctx.Err() != nil {", "./e2e/faults", "^TestDatabaseGoesAway$", true},
		{"a commit that failed is acknowledged (SQLite)", "internal/store/shared.go", "together.fault = fault(\"commit\", together.raw.Commit())", "_ = together.raw.Commit()", "./internal/store", "^TestSharedCommitFails$", false},
		{"what failed on the way is taken for committed (PostgreSQL)", "internal/store/late.go", "tag.String() != commitNow", "tag.String() == \"\"", "./internal/store", "^TestNothingIsHalfCommitted$", false},
		{"a call that is made once waits to be on record", "internal/engine/apply.go", "if !followed && !atMostOnce {", "if !followed {", "./internal/engine", "^TestAnAcceptedCallIsSavedSoon$", false},
		{"power may take what was acknowledged", "internal/store/sqlite.go", "synchronous(FULL)", "synchronous(OFF)", "./e2e/faults", "^TestPowerCut$", true},
		{"a call is made that is on no record", "internal/engine/registry.go", "deployers.Desired{Generation: run.Generation,", "deployers.Desired{Generation: run.Generation + 1,", sim, simTest, false},
		{"a call of which nobody knows is made again", "internal/engine/apply.go", "lost = atMostOnce", "lost = false", "./internal/engine", "^TestALostCallIsNotMadeAgain$", false},
		{"a deployer takes an older generation", "deployers/fake/fake.go", "if s.Known && desired.Generation < s.Generation {", "if s.Known && desired.Generation < 0 {", "./deployers/fake", "^TestConformance", false},
		{"a plan that no longer holds is started", "internal/engine/step.go", "case today.Plan.Intent() != d.Plan.Intent():", "case today.Plan.Intent() == \"-\":", "./internal/engine", "^TestPlanIsMadeAnew$", false},
		{"a vote counts for another plan", "internal/slipway/gates.go", "case vote.PlanDigest != d.PlanDigest:", "case vote.PlanDigest == \"\":", "./internal/slipway", "^TestANewPlanNeedsNewApprovals$|^TestCountsForSaysWhyNot$", false},
		{"an approval is taken for what was not shown", "internal/app/approve.go", "if shown != d.PlanDigest {", "if shown == d.Version {", "./internal/app", "^TestApprovalIsForOnePlan$", false},
		{"people approve what they asked for", "internal/slipway/gates.go", "case vote.By == d.RequestedBy.ID && !g.SelfApproval:", "case vote.By == \"\" && !g.SelfApproval:", "./internal/slipway", "^TestVerdicts$|^TestSelfApproval", false},
		{"a step is not in the audit", "internal/slipway/advance.go", "if err := tx.Audit().Append(ctx, entry); err != nil {", "if err := tx.Audit().Append(ctx, entry); err != nil || true {\n\t\treturn nil\n\t}\n\tif err := ctx.Err(); err != nil {", "./e2e/faults", "^TestKillAtRandomTimes$", true},
		{"the audit can be changed (SQLite)", "migrations/sqlite/00004_records.sql", "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit\n", "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit WHEN 1 = 0\n", "./internal/store", "^TestSQLite$", false},
		{"a request that is sent twice is done twice", "internal/app/app.go", "if once.Key == \"\" {\n\t\treturn \"\", false, nil", "if once.Key != \"-\" {\n\t\treturn \"\", false, nil", "./internal/app", "^TestSentTwice$", false},
		{"a panic of a deployer ends the portal", "internal/engine/registry.go", "if r := recover(); r != nil {", "if r := any(nil); r != nil {", "./internal/engine", "^TestPanicStopsOnlyItsOwn$", false},
		{"a damaged row takes the lists away", "internal/store/damage.go", "if !errors.As(err, &why) {", "if !errors.As(err, &why) || true {", "./internal/store", "^TestDamagedRow$", false},
		{"nobody sweeps", "internal/engine/engine.go", "e.every(ctx, sweepEvery, e.sweep)", "e.every(ctx, 1000*sweepEvery, e.sweep)", "./internal/engine", "^TestSweeperFindsWhatWasLost$", false},
		{"nobody polls for events", "internal/store/listen.go", "pollEvery  = 2 * time.Second", "pollEvery  = 200 * time.Second", "./e2e/faults", "^TestNotifyIsLost$", true},
		{"whoever sets a clock opens the gates", "internal/store/timekeeper.go", "case off.Abs() <= believable:", "case off.Abs() >= 0:", "./e2e/faults", "^TestClocksAreSet$", true},
		{"what is remembered outlives a change", "internal/store/remembered.go", "[]any{stands.Changes, query}", "[]any{0 * stands.Changes, query}", "./internal/store", "^TestSQLite$", false},
		{"time in which nobody looked counts against a release", "internal/slipway/machine_watch.go", "run.UnreadySince.Add(missed)", "run.UnreadySince.Add(0 * missed)", "./internal/engine", "^TestPortalsAway$", false},
		{"a commit wakes nobody", "internal/store/wake.go", "if len(t.wakes) == 0 {", "if len(t.wakes) >= 0 {", "./internal/store", "^TestSQLite$", false},
		{"time in which nobody looked counts against a hook", "internal/slipway/machine_job.go", "asked := m.watched(run, ev.Asked)", "asked := m.now", "./internal/engine", "^TestPortalsAwayFromAHook$", false},
	}
}
