package browser

import (
	"net/url"
	"strconv"

	"github.com/slipway-dev/slipway/web/component"
	"github.com/slipway-dev/slipway/web/page"
)

// Commands: pages as lines for a terminal. Names and versions hold nothing that a
// shell would understand otherwise; what people type freely is never put in.

func query(value string) string { return url.QueryEscape(value) }

// apiStage is the address of a stage in the API, below the server's own.
func apiStage(service, environment string) string {
	return "/api/v1/services/" + url.PathEscape(service) + "/environments/" + url.PathEscape(environment)
}

func curlGet(path string) string {
	return "curl \"$SLIPWAY_URL" + path + "\" \\\n  -H \"Authorization: Bearer $SLIPWAY_TOKEN\""
}

func curlPost(path, body string) string {
	return "curl -X POST \"$SLIPWAY_URL" + path + "\" \\\n  -H \"Authorization: Bearer $SLIPWAY_TOKEN\" -H \"Idempotency-Key: $(uuidgen)\" \\\n" +
		"  -H \"Content-Type: application/json\" -d '" + body + "'"
}

func commands(line, curl string) []component.Snippet {
	return []component.Snippet{{Title: "Command line", Text: line}, {Title: "curl", Text: curl}}
}

func dryRunCommands(v page.DryRunView) []component.Snippet {
	line, address := "slipway promote "+v.Service+" "+v.Version+" --to "+v.Environment, apiStage(v.Service, v.Environment)+"/dry-run?version="+query(v.Version)
	if share, err := strconv.Atoi(v.Share); err == nil {
		line, address = line+" --share "+strconv.Itoa(share), address+"&share="+strconv.Itoa(share)
	}
	return commands(line+" --dry-run", curlGet(address))
}

func whyCommands(v page.WhyView) []component.Snippet {
	if v.ID != "" {
		return commands("slipway why "+v.ID, curlGet("/api/v1/deployments/"+v.ID+"/why"))
	}
	return commands("slipway why "+v.Service+" "+v.Environment, curlGet(apiStage(v.Service, v.Environment)+"/why"))
}

func stageCommands(v page.StageView) []component.Snippet {
	if v.Promotable == "" {
		return commands("slipway status "+v.Service, curlGet(apiStage(v.Service, v.Environment)))
	}
	return commands("slipway promote "+v.Service+" "+v.Promotable+" --to "+v.Environment,
		curlPost("/api/v1/services/"+v.Service+"/deployments", `{"environment":"`+v.Environment+`","version":"`+v.Promotable+`"}`))
}

func rollbackCommands(v page.RollbackView) []component.Snippet {
	if v.Selected == "" {
		return nil
	}
	line, body := "slipway rollback "+v.Service+" "+v.Environment+" --to "+v.Selected, `{"to":"`+v.Selected+`"}`
	if v.Accept != "" {
		line, body = line+" --accept-irreversible", `{"to":"`+v.Selected+`","acceptIrreversible":true}`
	}
	return commands(line, curlPost(apiStage(v.Service, v.Environment)+"/rollback", body))
}
