package server

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/app"
	"github.com/slipway-dev/slipway/internal/identity"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Workloads verifies what CI systems give to their jobs; *identity.Workloads is
// one.
type Workloads interface {
	Verify(ctx context.Context, issuer, token string, audiences []string) (identity.Workload, error)
}

const (
	grantPath  = "/auth/token"
	devicePath = "/auth/device"

	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantDevice   = "urn:ietf:params:oauth:grant-type:device_code"
	typeJWT       = "urn:ietf:params:oauth:token-type:jwt"
	typeIdentity  = "urn:ietf:params:oauth:token-type:id_token"
	typeAccess    = "urn:ietf:params:oauth:token-type:access_token"

	maxTokenForm = 32 << 10
)

// tokenDoor is where programs get tokens: CI jobs for the one that they have
// (RFC 8693), command lines for the word of a person (RFC 8628). It speaks as
// those standards do, and takes a session or a token of ours from nobody.
type tokenDoor struct{ s *Server }

func (d *tokenDoor) Routes() []Route {
	return []Route{
		{Method: http.MethodPost, Path: grantPath, Access: Public(), Handler: d.formed(d.token)},
		{Method: http.MethodPost, Path: devicePath, Access: Public(), Handler: d.formed(d.device)},
	}
}

// Authenticate leaves everybody a stranger, whose requests are counted.
func (d *tokenDoor) Authenticate(echo.Context) error { return nil }

// refused is an error in the words of OAuth.
type refused struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
	RequestID   string `json:"request_id,omitempty"`
}

// ShowError answers as RFC 6749, section 5.2, has it.
func (d *tokenDoor) ShowError(c echo.Context, err error) error {
	p := Describe(err, RequestID(c.Request().Context()))
	said := refused{Error: "invalid_request", Description: p.Message, RequestID: p.RequestID}
	for _, more := range []string{p.Affected, p.Do} {
		if more != "" {
			said.Description += " " + more
		}
	}
	for _, f := range p.Fields {
		said.Description += " " + f.String()
	}
	status := http.StatusBadRequest
	var grant unknownGrant
	switch p.Code {
	case slipway.CodeUnauthenticated, slipway.CodeDenied, slipway.CodeConflict, slipway.CodeNotFound:
		said.Error = "invalid_grant"
	case slipway.CodeUnavailable:
		said.Error, status = "temporarily_unavailable", http.StatusServiceUnavailable
	case slipway.CodeInternal:
		said.Error, status = "server_error", http.StatusInternalServerError
	case CodeMethod, CodeTooLarge, CodeTooMany:
		status = p.Status
	}
	if errors.As(err, &grant) {
		said.Error = "unsupported_grant_type"
	}
	return c.JSON(status, said)
}

// unknownGrant marks the error of a grant that nobody here gives.
type unknownGrant struct{}

func (unknownGrant) Error() string { return "unsupported grant type" }

// formed reads a small form, and nothing else, before the handler does.
func (d *tokenDoor) formed(h echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		c.Response().Header().Set("Cache-Control", "no-store")
		kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
		if err != nil || kind != echo.MIMEApplicationForm {
			return tokenInvalid("Content-Type", "is "+echo.MIMEApplicationForm)
		}
		r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, maxTokenForm)
		if err := r.ParseForm(); err != nil {
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				return err
			}
			return tokenInvalid("the form", "cannot be read")
		}
		for name, values := range r.PostForm {
			if len(values) != 1 {
				return tokenInvalid(name, "is given more than once")
			}
		}
		return h(c)
	}
}

func tokenInvalid(field, message string) error {
	return slipway.Invalid("The request for a token", []slipway.FieldError{{Field: field, Message: message}})
}

func (d *tokenDoor) token(c echo.Context) error {
	form := c.Request().PostForm
	switch form.Get("grant_type") {
	case grantExchange:
		return d.exchange(c)
	case grantDevice:
		return d.take(c)
	default:
		return &slipway.Error{Code: slipway.CodeInvalid, Message: "No such grant is given here.", Affected: "Nobody was let in.", Do: "The grant_type is " + grantExchange + " or " + grantDevice + ".", Err: unknownGrant{}}
	}
}

// granted is a token of ours, in the words of OAuth.
type granted struct {
	AccessToken string `json:"access_token"`
	IssuedType  string `json:"issued_token_type,omitempty"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope,omitempty"`
}

func (d *tokenDoor) granted(plain string, t slipway.Token, kind string) granted {
	scopes := make([]string, len(t.Scopes))
	for i, s := range t.Scopes {
		scopes[i] = string(s)
	}
	return granted{AccessToken: plain, IssuedType: kind, TokenType: "Bearer", ExpiresIn: int64(t.ExpiresAt.Sub(d.s.clock()).Round(time.Second) / time.Second), Scope: strings.Join(scopes, " ")}
}

// exchange gives a token of ours for one of a CI system.
func (d *tokenDoor) exchange(c echo.Context) error {
	form, ctx := c.Request().PostForm, c.Request().Context()
	if kind := form.Get("subject_token_type"); kind != typeJWT && kind != typeIdentity {
		return tokenInvalid("subject_token_type", "is "+typeJWT)
	}
	if want := form.Get("requested_token_type"); want != "" && want != typeAccess {
		return tokenInvalid("requested_token_type", "is "+typeAccess)
	}
	if form.Get("actor_token") != "" {
		return tokenInvalid("actor_token", "is not taken: a job acts for itself")
	}
	var rule int64
	if text := form.Get("rule"); text != "" {
		var err error
		if rule, err = strconv.ParseInt(text, 10, 64); err != nil || rule <= 0 {
			return tokenInvalid("rule", "is the number of a trust rule")
		}
	}
	if d.s.cfg.Workloads == nil {
		return &slipway.Error{Code: slipway.CodeUnavailable, Message: "This Slipway takes no tokens of CI systems.", Affected: "Nobody was let in.", Do: "Use an API token."}
	}
	raw := form.Get("subject_token")
	issuer, err := identity.IssuerOf(raw)
	if err != nil {
		return err
	}
	audiences, err := d.s.cfg.App.TrustedAudiences(ctx, issuer)
	if err != nil {
		return err
	}
	w, err := d.s.cfg.Workloads.Verify(ctx, issuer, raw, audiences)
	if err != nil {
		return err
	}
	plain, id, hash := identity.MintToken()
	t, err := d.s.cfg.App.ExchangeToken(ctx, app.Exchange{Issuer: w.Issuer, Audiences: w.Audiences, Claims: w.Claims, Use: w.Use, Rule: rule,
		ID: id, SecretHash: hash, RequestID: RequestID(ctx), Address: c.RealIP()})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, d.granted(plain, t, typeAccess))
}

// asked is how a command line goes on, in the words of RFC 8628.
type asked struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	URI        string `json:"verification_uri"`
	ExpiresIn  int64  `json:"expires_in"`
	Interval   int64  `json:"interval"`
}

// device begins the sign-in of a command line. There is no address that holds
// the code: who is sent one would only have to click.
func (d *tokenDoor) device(c echo.Context) error {
	form, ctx := c.Request().PostForm, c.Request().Context()
	begin := app.BeginDevice{Name: identity.CleanName(form.Get("client_name")), Address: c.RealIP()}
	for _, scope := range strings.Fields(form.Get("scope")) {
		begin.Scopes = append(begin.Scopes, slipway.Permission(scope))
	}
	if text := form.Get("days"); text != "" {
		days, err := strconv.Atoi(text)
		if err != nil || days < 1 || days > 366 {
			return tokenInvalid("days", "is between 1 and 90")
		}
		begin.Lifetime = time.Duration(days) * 24 * time.Hour
	}
	var secret string
	secret, begin.ID, begin.UserCode = identity.MintDevice()
	login, err := d.s.cfg.App.BeginDevice(ctx, begin)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, asked{DeviceCode: secret, UserCode: slipway.ShownDeviceCode(login.UserCode),
		URI: d.s.origin.Scheme + "://" + d.s.origin.Host + "/device", ExpiresIn: int64(app.DeviceTime / time.Second), Interval: int64(app.DeviceInterval / time.Second)})
}

// take gives a command line its token, once a person has said yes.
func (d *tokenDoor) take(c echo.Context) error {
	ctx := c.Request().Context()
	code := c.Request().PostForm.Get("device_code")
	if code == "" || len(code) > 200 {
		return tokenInvalid("device_code", "is the one that "+devicePath+" gave")
	}
	plain, id, hash := identity.MintToken()
	t, answer, err := d.s.cfg.App.TakeDevice(ctx, app.TakeDevice{ID: identity.DeviceID(code), TokenID: id, SecretHash: hash, RequestID: RequestID(ctx), Address: c.RealIP()})
	if err != nil {
		return err
	}
	if answer != "" {
		return c.JSON(http.StatusBadRequest, refused{Error: string(answer)})
	}
	return c.JSON(http.StatusOK, d.granted(plain, t, ""))
}
