// Keys, as listed by "?". Single letters can be turned off in the settings; the
// palette stays on a chord, which no speech input can trigger by accident.
const $ = (s) => document.querySelector(s);
const palette = $("#palette");
const box = $("#palette-box");
if (!/Mac|iP/.test(navigator.platform))
  for (const k of document.querySelectorAll("kbd")) k.textContent = k.textContent.replace(/⌘ ?K/, "Ctrl K");
const open = () => {
  palette.showModal();
  box.select();
  box.dispatchEvent(new Event("palette"));
};
const step = (items, by) => {
  const at = items.findIndex((i) => i.contains(document.activeElement));
  const next = items[at < 0 ? (by > 0 ? 0 : items.length - 1) : Math.min(Math.max(at + by, 0), items.length - 1)];
  (next?.matches("a,summary") ? next : next?.querySelector("a,summary,button"))?.focus();
};
// Only what belongs to the place where one is: an opened inbox item, else the page.
const press = (key) => {
  const here = document.activeElement.closest("details.item[open]") ?? $("details.item[open]") ?? document;
  const b = here.querySelector(`[data-key=${key}]`);
  if (b && key === "a" && b.form) return b.focus(), b.click();
  b?.click();
};
let g = 0;
addEventListener("keydown", (e) => {
  if (!palette || e.isComposing) return;
  if ((e.metaKey || e.ctrlKey) && e.key.toLowerCase() === "k") return e.preventDefault(), open();
  if (palette.open && /^Arrow(Up|Down)$/.test(e.key)) {
    e.preventDefault();
    return step([box, ...palette.querySelectorAll("[data-found]")].slice(e.key === "ArrowDown" && document.activeElement === box ? 1 : 0), e.key === "ArrowDown" ? 1 : -1);
  }
  if (e.metaKey || e.ctrlKey || e.altKey || !("keys" in document.body.dataset) || $("dialog[open]") || e.target.matches("input,textarea,select")) return;
  if (Date.now() - g < 1000) {
    g = 0;
    const to = $(`[data-go="${CSS.escape(e.key)}"]`);
    if (to) return e.preventDefault(), to.click();
  }
  const act = {
    g: () => (g = Date.now()),
    "/": open,
    "?": () => $("#keys").showModal(),
    j: () => step([...document.querySelectorAll("[data-row]")], 1),
    k: () => step([...document.querySelectorAll("[data-row]")], -1),
    a: () => press("a"),
    r: () => press("r"),
  }[e.key];
  if (act) e.preventDefault(), act();
});
