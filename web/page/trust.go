package page

import (
	"time"

	"github.com/slipway-dev/slipway/web/component"
)

// TrustView is which CI jobs come in without a key.
type TrustView struct {
	Rules       []TrustRow
	CanAdd      bool
	WhyNot      string // who could, if the reader may not
	Name        component.Field
	On          component.Field // name "on"
	Kinds       []component.Option
	Issuer      component.Field
	Audience    component.Field
	Claims      component.Field    // name "claims", several lines
	Permissions []component.Option // checkboxes, name "permission"
	Where       []component.Option // checkboxes, name "environment"
	Minutes     component.Field
	Problems    []component.Link
	Key         string
}

// TrustRow is one rule.
type TrustRow struct {
	ID          string
	Name        string
	On          string
	Issuer      string
	Audience    string
	Claims      []string
	Permissions []string
	Where       []string // none: everywhere
	Lives       string
	By          string
	At          time.Time
}

// DeviceView signs a command line in that shows a code.
type DeviceView struct {
	Code     component.Field // name "code"
	Found    bool            // the code is one, and what follows says of what
	Name     string
	Address  string
	May      []string
	Lives    string
	Done     string // what came of it
	Expires  time.Time
	Problems []component.Link
	Key      string
}
