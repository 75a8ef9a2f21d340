package notify_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cdevents/sdk-go/pkg/api"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// approvalSchema is what contracts say of approvals: the published schemas do not
// have them yet.
const approvalSchema = `{"type":"object","additionalProperties":false,"required":["context","subject"],"properties":{
 "context":{"type":"object","additionalProperties":false,"required":["specversion","id","source","type","timestamp"],"properties":{
  "specversion":{"type":"string","minLength":1},"id":{"type":"string","minLength":1},"source":{"type":"string","minLength":1},
  "type":{"enum":["dev.cdevents.approval.created.0.1.0","dev.cdevents.approval.updated.0.1.0","dev.cdevents.approval.closed.0.1.0"]},"timestamp":{"type":"string","format":"date-time"}}},
 "subject":{"type":"object","required":["id","content"],"properties":{"id":{"type":"string","minLength":1},"source":{"type":"string"},
  "content":{"type":"object","additionalProperties":false,"required":["approvalDetailsUrl","resourceTargetUrl","requestor"],"properties":{
   "approvalDetailsUrl":{"type":"string","format":"uri"},"resourceTargetUrl":{"type":"string","format":"uri"},"requestor":{"type":"string","pattern":"^urn:"},"responder":{"type":"string","pattern":"^urn:"},
   "decision":{"enum":["approved","rejected","requestChanges","escalated","delegate","deferred"]},"status":{"enum":["approved","rejected","cancelled","expired"]}}}}},
 "customData":{"type":"object"},"customDataContentType":{"type":"string"}},
 "allOf":[
  {"if":{"properties":{"context":{"properties":{"type":{"const":"dev.cdevents.approval.updated.0.1.0"}}}}},"then":{"properties":{"subject":{"properties":{"content":{"required":["responder","decision"]}}}}}},
  {"if":{"properties":{"context":{"properties":{"type":{"const":"dev.cdevents.approval.closed.0.1.0"}}}}},"then":{"properties":{"subject":{"properties":{"content":{"required":["responder","status"]}}}}}}]}`

func schemaOf(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	parts := strings.Split(kind, ".") // dev cdevents SUBJECT PREDICATE 0 3 0
	if parts[2] == "approval" {
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(approvalSchema))
		must(t, err)
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		must(t, c.AddResource("approval.json", document))
		schema, err := c.Compile("approval.json")
		must(t, err)
		return schema
	}
	schema, ok := api.CompiledSchemas["https://cdevents.dev/0.5.0/schema/"+parts[2]+"-"+parts[3]+"-event"]
	if !ok {
		t.Fatalf("there is no schema of %s", kind)
	}
	return schema
}

// event is what a test reads of a CDEvent.
type event struct {
	Context struct{ ID, Source, Type, Timestamp string }
	Subject struct {
		ID      string
		Content map[string]any
	}
}

// cdevents checks what arrived against the schemas and the binding, and returns it.
func cdevents(t *testing.T, got []received) (out []event) {
	t.Helper()
	for _, g := range got {
		var e event
		must(t, json.Unmarshal(g.body, &e))
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(string(g.body)))
		must(t, err)
		if err := schemaOf(t, e.Context.Type).Validate(instance); err != nil {
			t.Errorf("%s: %v", g.body, err)
		}
		for header, want := range map[string]string{"Ce-Specversion": "1.0", "Ce-Id": e.Context.ID, "Ce-Source": e.Context.Source, "Ce-Type": e.Context.Type,
			"Ce-Subject": e.Subject.ID, "Ce-Time": e.Context.Timestamp, "Content-Type": "application/json"} {
			if g.header.Get(header) != want {
				t.Errorf("%s of %s is %q, want %q", header, e.Context.Type, g.header.Get(header), want)
			}
		}
		out = append(out, e)
	}
	return out
}

func kinds(events []event) (out []string) {
	for _, e := range events {
		out = append(out, strings.TrimPrefix(e.Context.Type, "dev.cdevents."))
	}
	return out
}

// TestCDEvents tells the life of a service in the words of others: approved and
// upgraded, failed twice, mended, gone back.
func TestCDEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	there := newReceiver(t, nil)
	_, secret := r.route(app.AddNotificationRoute{To: slipway.Destination{Channel: slipway.ToWebhook, Address: there.URL, Format: slipway.FormatCDEvents}})
	r.run(r.notifier())
	tell := func(want ...string) []event {
		t.Helper()
		r.until("all is told", func() bool {
			pending := r.deliveries(slipway.DeliveryFilter{State: slipway.DeliveryPending})
			return len(pending) == 0 && r.planned()
		})
		got := cdevents(t, there.all())
		there.mu.Lock()
		there.got = nil
		there.mu.Unlock()
		is := kinds(got)
		slices.Sort(is) // the order counts within a deployment only
		slices.Sort(want)
		same(t, "events", is, want)
		return got
	}
	d := r.deployment()
	r.event("deployment.waiting", d)
	r.event("deployment.waiting", d) // planned anew
	r.event("deployment.approve", d)
	d = r.to(d, slipway.Running)
	r.event("deployment.running", d) // the next phase
	r.to(d, slipway.Succeeded)
	first := tell("approval.created.0.1.0", "approval.updated.0.1.0", "approval.closed.0.1.0", "service.upgraded.0.3.0")
	for _, e := range first {
		if strings.HasPrefix(e.Context.Type, "dev.cdevents.service") {
			same(t, "what runs", e.Subject.Content["artifactId"], "pkg:oci/billing-api@sha256%3A"+strings.Repeat("b", 64)+"?repository_url=registry.example.com%2Fpay%2Fbilling-api")
		}
	}

	failed := r.to(r.to(r.deployment(), slipway.Running), slipway.Failed)
	r.to(r.to(r.deployment(), slipway.Running), slipway.Failed)
	r.to(r.to(r.deployment(), slipway.Running), slipway.Succeeded)
	told := tell("approval.closed.0.1.0", "approval.closed.0.1.0", "approval.closed.0.1.0", "incident.detected.0.3.0", "incident.detected.0.3.0", "incident.resolved.0.3.0", "service.upgraded.0.3.0")
	for _, e := range told {
		if strings.HasPrefix(e.Context.Type, "dev.cdevents.incident") && e.Subject.ID != "deployment/"+itoa(failed.ID) {
			t.Errorf("%s is of %s, and the incident began with deployment %d", e.Context.Type, e.Subject.ID, failed.ID)
		}
	}

	back := r.deployment(func(d *slipway.Deployment) { d.Ending = slipway.RolledBack })
	back = r.to(back, slipway.Reverting)
	r.to(back, slipway.RolledBack)
	for _, e := range tell("incident.detected.0.3.0", "service.rolledback.0.3.0", "incident.resolved.0.3.0") {
		if strings.Contains(e.Context.Type, "rolledback") && !strings.Contains(e.Subject.Content["artifactId"].(string), strings.Repeat("a", 64)) {
			t.Errorf("what runs again is %s", e.Subject.Content["artifactId"])
		}
	}
	r.to(r.deployment(func(d *slipway.Deployment) { d.Cause = slipway.CauseRollback }), slipway.Succeeded)
	r.to(r.deployment(), slipway.Rejected)
	r.to(r.deployment(), slipway.Expired)
	tell("service.rolledback.0.3.0", "approval.updated.0.1.0", "approval.closed.0.1.0", "approval.closed.0.1.0")

	_, err := r.PutEnvironment(r.ctx, ana, app.PutEnvironment{Environment: slipway.Environment{Name: "edge", Tier: slipway.TierStaging}})
	must(t, err)
	_, err = r.PutEnvironment(r.ctx, ana, app.PutEnvironment{Environment: slipway.Environment{Name: "edge", Tier: slipway.TierProduction}})
	must(t, err)
	tell("environment.created.0.3.0", "environment.modified.0.3.0")

	_, err = r.TestNotificationRoute(r.ctx, ana, app.TestNotificationRoute{Route: 1})
	must(t, err)
	r.until("the test arrives", func() bool { return r.deliveries(slipway.DeliveryFilter{})[0].State == slipway.DeliverySent })
	got := there.all()[0]
	signed(t, secret, got, r.clock())
	if !strings.Contains(string(got.body), "Nothing happened") {
		t.Errorf("the test is %s", got.body)
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// planned reports whether all events are looked at: the last one tells a route of
// its own kind, or nothing does.
func (r *rig) planned() (done bool) {
	n := r.notifier()
	before := len(r.deliveries(slipway.DeliveryFilter{}))
	must(r.t, n.Plan(r.ctx))
	return len(r.deliveries(slipway.DeliveryFilter{})) == before && len(r.deliveries(slipway.DeliveryFilter{State: slipway.DeliveryPending})) == 0
}
