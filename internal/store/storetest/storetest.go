// Package storetest is the conformance suite of the storage ports: what every
// database must do for the use cases and the engine. It goes through the ports
// and, where a rule has to hold even against raw SQL, through that.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Parts is a fresh, migrated store and what else the suite needs of it.
type Parts struct {
	Store   slipway.Store
	Wakes   slipway.Wakes
	Feed    slipway.Feed
	Archive slipway.Archive
	SQL     *sql.DB // a connection of its own to the same database
	// StartQueue works the queue until the test ends. Wake is its sweeper's verb.
	StartQueue func(t *testing.T, look func(context.Context, int64) error) (wake func(context.Context, []int64) error)
	// DropAuditGuards removes the triggers, as an intruder might.
	DropAuditGuards []string
}

// Run runs the suite; open is called once per test.
func Run(t *testing.T, open func(t *testing.T) Parts) {
	tests := map[string]func(*testing.T, fixture){
		"teams and environments":               testTeamsAndEnvironments,
		"services":                             testServices,
		"services in pages":                    testServicePages,
		"pipelines":                            testPipelines,
		"releases":                             testReleases,
		"releases count without gaps":          testReleaseNumbers,
		"deployments":                          testDeployments,
		"deployments found by filter":          testDeploymentFilters,
		"deployments go by epoch":              testEpochs,
		"what has ended stays ended":           testFinal,
		"one active deployment per stage":      testOneActive,
		"deployments that are due":             testDue,
		"a deployment that is looked at":       testLook,
		"pages while rows are added":           testPagesUnderWrites,
		"bounds of pages":                      testPageBounds,
		"stages":                               testStages,
		"reports never go back":                testObserved,
		"stages changed by many":               testStagesTogether,
		"a glance is what is read apart":       testGlance,
		"release sets":                         testSets,
		"release sets in pages":                testSetPages,
		"release sets go by epoch":             testSetEpochs,
		"votes":                                testVotes,
		"freezes":                              testFreezes,
		"freeze calendars":                     testCalendars,
		"bypasses":                             testBypasses,
		"the line":                             testLine,
		"the line is stopped once":             testLineStoppedOnce,
		"people":                               testPeople,
		"bindings":                             testBindings,
		"tokens":                               testTokens,
		"trust rules":                          testTrust,
		"a token of a CI system is used once":  testTrustUses,
		"sign-ins of command lines":            testDevices,
		"audit":                                testAudit,
		"audit counts without gaps":            testAuditConcurrent,
		"audit refuses changes":                testAuditGuards,
		"audit shows tampering":                testAuditTampering,
		"events":                               testEvents,
		"events arrive in order":               testEventOrder,
		"feed":                                 testFeed,
		"the feed catches up":                  testFeedCatchesUp,
		"logs":                                 testLogs,
		"idempotency keys":                     testKeys,
		"old logs are forgotten":               testForgetLogs,
		"old events are forgotten":             testForgetEvents,
		"old idempotency keys are forgotten":   testForgetKeys,
		"sealed secrets":                       testSealed,
		"changes of secrets":                   testProposals,
		"what is known of secrets":             testSecretBook,
		"restricted keys":                      testSecretMarks,
		"chat accounts":                        testChatAccounts,
		"chat requests":                        testChatRequests,
		"chat requests of many":                testChatRequestsTogether,
		"announcements":                        testAnnouncements,
		"notification routes":                  testRoutes,
		"deliveries":                           testDeliveries,
		"deliveries that are due":              testDueDeliveries,
		"deliveries that are held":             testHeldDeliveries,
		"the place in the events":              testNoticeCursor,
		"what people want to be told":          testPreferences,
		"old deliveries are forgotten":         testForgetDeliveries,
		"a failed transaction leaves nothing":  testRollback,
		"a conflict does not end the work":     testConflictGoesOn,
		"reading cannot write":                 testReadOnly,
		"times and odd text":                   testOddValues,
		"wake-ups come with the commit":        testWakeUps,
		"a wake-up during a look is not lost":  testWakeDuringLook,
		"a clock set back stops nobody":        testClockSetBack,
		"the sweeper wakes once":               testSweeper,
		"teams take turns":                     testTurns,
		"a look wakes others, not itself":      testOwnSaves,
		"a look that fails is repeated":        testFailedLook,
		"wake-ups of the near future are kept": testSoon,
		"what was read is one's own":           testOwnCopies,
		"what seldom changes is remembered":    testRemembered,
		"like questions are kept apart":        testRememberedQuestions,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			t.Cleanup(cancel)
			test(t, fixture{Parts: open(t), ctx: ctx})
		})
	}
}

// fixture is what each test works with. The helpers fail the test.
type fixture struct {
	Parts
	ctx context.Context
}

// noon is when tests take place. Its microseconds are odd on purpose.
func noon() time.Time { return time.Date(2026, 3, 14, 12, 0, 0, 123_456_000, time.UTC) }

func (f fixture) write(t *testing.T, do func(slipway.Tx) error) {
	t.Helper()
	if err := f.Store.Write(f.ctx, do); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func (f fixture) read(t *testing.T, do func(slipway.Tx) error) {
	t.Helper()
	if err := f.Store.Read(f.ctx, do); err != nil {
		t.Fatalf("read: %v", err)
	}
}

// seed adds team "payments", environments "staging" and "production", the
// services named, and release 1.0.0 of each.
func (f fixture) seed(t *testing.T, services ...string) {
	t.Helper()
	f.write(t, func(tx slipway.Tx) error {
		err := tx.Teams().Put(f.ctx, slipway.Team{Name: "payments", CreatedAt: noon()})
		for i, name := range []string{"staging", "production"} {
			err = errors.Join(err, tx.Environments().Put(f.ctx, slipway.Environment{Name: name, Rank: i, Tier: slipway.TierStaging}))
		}
		for _, name := range services {
			err = errors.Join(err, tx.Services().Insert(f.ctx, slipway.Service{Name: name, Team: "payments", CreatedAt: noon(), UpdatedAt: noon()}))
			_, addErr := tx.Releases().Add(f.ctx, release(name, "1.0.0"))
			err = errors.Join(err, addErr)
		}
		return err
	})
}

func release(service, version string) slipway.Release {
	return slipway.Release{
		Service: service, Version: version, CreatedBy: "ana", CreatedAt: noon(),
		Content: slipway.ReleaseContent{
			Artifacts:  []slipway.Artifact{{Name: "app", Reference: "registry/app", Digest: "sha256:" + strings.Repeat("a", 64)}},
			Config:     map[string]string{"LOG_LEVEL": "info"},
			Reversible: true,
		},
	}
}

func deployment(service, environment string) slipway.Deployment {
	plan := slipway.Plan{
		Service: service, Environment: environment, Cause: slipway.CausePromote, PipelineRevision: 3,
		To:     slipway.Spec{Version: "1.0.0", Seq: 1, Replicas: 2, Config: map[string]string{"A": "b"}},
		Phases: []slipway.Desired{{Name: "all", Tracks: []slipway.Track{{Version: "1.0.0", Weight: 100, Replicas: 2}}}},
		Gates:  []slipway.Gate{{Approval: &slipway.ApprovalGate{Count: 1}}}, Prepared: []byte{0, 1, 255},
	}
	return slipway.Deployment{
		Team: "payments", Service: service, Environment: environment, Version: "1.0.0", Cause: slipway.CausePromote,
		State: slipway.Waiting, Plan: plan, PlanDigest: plan.Digest(),
		RequestedBy: slipway.Person{Kind: slipway.ActorUser, ID: "ana", Name: "Ana"}, Note: "please", CreatedAt: noon(),
	}
}

func (f fixture) insert(t *testing.T, d slipway.Deployment) slipway.Deployment {
	t.Helper()
	f.write(t, func(tx slipway.Tx) error {
		var err error
		d, err = tx.Deployments().Insert(f.ctx, d)
		return err
	})
	return d
}

func (f fixture) save(t *testing.T, d slipway.Deployment) slipway.Deployment {
	t.Helper()
	f.write(t, func(tx slipway.Tx) error {
		var err error
		d, err = tx.Deployments().Save(f.ctx, d)
		return err
	})
	return d
}

// count asks the database itself.
func (f fixture) count(t *testing.T, query string) int {
	t.Helper()
	var n int
	if err := f.SQL.QueryRowContext(f.ctx, query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// refused checks that err has a code and says it in a sentence for people.
func refused(t *testing.T, what string, err error, code slipway.Code) {
	t.Helper()
	var ours *slipway.Error
	if !errors.As(err, &ours) || ours.Code != code {
		t.Errorf("%s: got %v, want an error with the code %s", what, err, code)
		return
	}
	for _, leak := range []string{"SQLSTATE", "constraint", "UNIQUE", "store:"} {
		if strings.Contains(ours.Error(), leak) {
			t.Errorf("%s: the error shows the database's own words: %q", what, ours.Error())
		}
	}
}

func numbered(prefix string, i int) string { return fmt.Sprintf("%s-%04d", prefix, i) }
