// Forms work without any of this.
const $ = (s) => document.querySelector(s);
let dirty = false;
addEventListener("submit", (e) => {
  if (e.target.method !== "post") return;
  if (e.target.dataset.sent) return e.preventDefault(); // the second click of a double click
  e.target.dataset.sent = "1";
  dirty = false;
});
// Back shows the form again: it may be sent again, the server knows the key.
addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((f) => delete f.dataset.sent));
addEventListener("input", (e) => {
  if (e.target.closest(".editor")) dirty = true;
});
addEventListener("beforeunload", (e) => dirty && e.preventDefault());
addEventListener("change", (e) => {
  const t = e.target;
  if (t.matches("select[data-submit]")) t.form.requestSubmit();
  if (t.matches(".choices [name=version]")) $("[data-choice]").textContent = `to ${t.value}`;
});
// Floating forms close like every other layer: by Escape, or a click elsewhere.
const floats = (keep) =>
  document.querySelectorAll("details.float[open],details.disclose[open]").forEach((d) => d.contains(keep) || (d.open = false));
addEventListener("click", (e) => floats(e.target));
addEventListener("toggle", (e) => e.target.open && e.target.matches(".float,.disclose") && e.target.querySelector("input:not([type=hidden]),textarea")?.focus(), true);
addEventListener("keydown", (e) => {
  if (e.key !== "Escape") return;
  const d = document.activeElement.closest("details.float[open],details.disclose[open]");
  floats();
  d ? d.querySelector("summary").focus() : $("[data-close]")?.click();
});
addEventListener("click", (e) => {
  const opener = e.target.closest("[data-open]");
  if (opener) document.getElementById(opener.dataset.open).showModal();
  if (e.target.matches("dialog[open]")) e.target.close(); // its backdrop
});
$("[data-focus]")?.focus();
const log = $("[data-follow]");
if (log && !location.hash) log.scrollTop = log.scrollHeight;
