package rest

import "github.com/danielgtaylor/huma/v2"

// registerAll puts every operation into the API, resource by resource.
func (s *Surface) registerAll() {
	s.registerMe()
	s.registerBoard()
	s.registerTeams()
	s.registerServices()
	s.registerFiles()
	s.registerPipelines()
	s.registerReleases()
	s.registerDeployments()
	s.registerControls()
	s.registerSets()
	s.registerBypass()
	s.registerWhy()
	s.registerRunning()
	s.registerRollbacks()
	s.registerSecrets()
	s.registerProposals()
	s.registerEnvironments()
	s.registerFreezes()
	s.registerCalendars()
	s.registerNotifications()
	s.registerPreferences()
	s.registerLine()
	s.registerAccess()
	s.registerTokens()
	s.registerTrust()
	s.registerAudit()
}

// tags are the chapters of the documentation, in reading order.
func tags() []*huma.Tag {
	return []*huma.Tag{
		{Name: "overview", Description: "Everything at a glance."},
		{Name: "teams", Description: "Who owns services."},
		{Name: "services", Description: "What is released as one."},
		{Name: "pipelines", Description: "How a service goes out, as a file."},
		{Name: "releases", Description: "Immutable versions. CI creates them."},
		{Name: "deployments", Description: "Releases on their way, and decisions about them."},
		{Name: "sets", Description: "Releases of several services that go out and come back together."},
		{Name: "environments of a service", Description: "What runs where, and the way back."},
		{Name: "secrets", Description: "Keys and versions, for many; values, for few."},
		{Name: "environments", Description: "Places to run in, their locks and freezes, and the line of the whole organisation."},
		{Name: "notifications", Description: "Who is told of what, and how that went."},
		{Name: "access", Description: "Who may do what, and tokens."},
		{Name: "audit", Description: "Who did what."},
	}
}
