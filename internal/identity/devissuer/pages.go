package devissuer

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

//go:embed login.css
var styleSheet string

//go:embed login.html
var loginPage string

type page struct {
	Base, ID, Problem string
	People            []Person
	SignedOut         bool
}

// login shows the people to choose from. A request that came with a login_hint
// of one of them is signed in at once.
func (i *Issuer) login(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	request, ok := i.store.request(id)
	if !ok {
		i.show(w, http.StatusNotFound, page{Problem: "This sign-in is over or never began. Go back to Slipway and sign in again."})
		return
	}
	hint := request.hint
	if asked := r.URL.Query().Get("login_hint"); asked != "" {
		hint = asked
	}
	if hint != "" && i.store.signIn(id, hint) {
		i.proceed(w, r, id)
		return
	}
	i.show(w, http.StatusOK, page{ID: id, People: i.config.People})
}

func (i *Issuer) signIn(w http.ResponseWriter, r *http.Request) {
	id, person := r.FormValue("id"), r.FormValue("person")
	if !i.store.signIn(id, person) {
		i.show(w, http.StatusBadRequest, page{Problem: "There is nobody of that name here, or this sign-in is over. Go back to Slipway and sign in again."})
		return
	}
	i.proceed(w, r, id)
}

// proceed sends the browser on to where the protocol takes over.
func (i *Issuer) proceed(w http.ResponseWriter, r *http.Request, id string) {
	http.Redirect(w, r, i.config.Issuer+"/authorize/callback?id="+url.QueryEscape(id), http.StatusSeeOther)
}

func (i *Issuer) signedOut(w http.ResponseWriter, _ *http.Request) {
	i.show(w, http.StatusOK, page{SignedOut: true})
}

func (i *Issuer) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(styleSheet))
}

func (i *Issuer) show(w http.ResponseWriter, status int, p page) {
	p.Base = i.config.Issuer
	tmpl, err := template.New("login").Funcs(template.FuncMap{"join": func(s []string) string { return strings.Join(s, ", ") }}).Parse(loginPage)
	if err != nil {
		http.Error(w, "the page is broken", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", i.policy())
	w.WriteHeader(status)
	_ = tmpl.Execute(w, p) // the browser is gone: nobody is left to tell
}

// policy lets the form lead on to the client too: Chromium holds the redirects
// after a form to form-action as well.
func (i *Issuer) policy() string {
	form := "'self'"
	if client, err := url.Parse(i.config.RedirectURI); err == nil {
		form += " " + client.Scheme + "://" + client.Host
	}
	return "default-src 'none'; style-src 'self'; form-action " + form + "; base-uri 'none'; frame-ancestors 'none'"
}
