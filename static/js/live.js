// One stream per tab tells which topics have news; it never carries content. Each
// topic becomes an event "slipway:TOPIC" on <body>, upon which the page's live
// element (web/layout/live.templ) asks the server for its parts again.
const topics = (document.body.dataset.topics ?? "").split(" ").filter(Boolean);
const dot = document.getElementById("live");
const fresh = document.getElementById("fresh");
const news = new Set();
let source, timer, retry;
let on = true;
let last = new Date();

const show = (state, text) => {
  dot.hidden = false;
  dot.dataset.state = state;
  dot.ariaPressed = String(on);
  dot.querySelector("[data-live-text]").textContent = text;
};
// What people point at is not replaced under their hands: it waits, and a bar says so.
const calm = () => document.querySelector("[data-calm]:is(:hover,:focus-within)");
const flush = (force) => {
  if (!force && calm()) {
    if (fresh) fresh.hidden = false;
    timer = setTimeout(flush, 1000);
    return;
  }
  clearTimeout(timer);
  timer = 0;
  if (fresh) fresh.hidden = true;
  for (const t of news) document.body.dispatchEvent(new CustomEvent(`slipway:${t}`));
  news.clear();
};
const tell = (list) => {
  last = new Date();
  list.forEach((t) => topics.includes(t) && news.add(t));
  if (news.size) timer ||= setTimeout(flush, 120);
};
const close = () => {
  clearTimeout(retry);
  source?.close();
};
const connect = (resync) => {
  close();
  if (!on || document.hidden) return;
  // From where the page was rendered: what happened since then is told as well.
  source = new EventSource(`/events?topics=${encodeURIComponent(topics.join(","))}&after=${document.body.dataset.after}`);
  source.onopen = () => {
    show("live", "live");
    if (resync) tell(topics);
  };
  source.onmessage = (e) => tell([JSON.parse(e.data).topic]);
  source.addEventListener("ping", () => (last = new Date()));
  source.addEventListener("resync", () => tell(topics)); // too much was missed
  source.onerror = () => {
    show("lost", `Showing ${last.toTimeString().slice(0, 8)}, reconnecting`);
    if (source.readyState === 2) retry = setTimeout(connect, 5000, true);
  };
};
if (topics.length && dot) {
  connect();
  addEventListener("visibilitychange", () => (document.hidden ? close() : connect(true)));
  addEventListener("pagehide", close);
  dot.addEventListener("click", () => {
    on = !on;
    if (on) return connect(true);
    close();
    show("off", `paused ${last.toTimeString().slice(0, 5)}`);
  });
  fresh?.addEventListener("click", () => flush(true));
}
// What changed is underlined for a moment; the log goes on at its end only.
let before = new Map();
let end;
addEventListener("htmx:before:swap", () => {
  before = new Map([...document.querySelectorAll("[data-mark][id]")].map((e) => [e.id, e.dataset.mark]));
  const log = document.querySelector("[data-follow]");
  end = log && log.scrollHeight - log.scrollTop - log.clientHeight < 24;
});
addEventListener("htmx:after:swap", ({ detail }) => {
  if (detail.ctx.title && detail.ctx.response?.status < 400 && detail.ctx.swap === "none") document.title = detail.ctx.title;
  for (const e of document.querySelectorAll("[data-mark][id]")) {
    if (!before.has(e.id) || before.get(e.id) === e.dataset.mark) continue;
    e.classList.add("changed");
    setTimeout(() => e.classList.remove("changed"), 1200);
  }
  const log = document.querySelector("[data-follow]");
  if (log && end) log.scrollTop = log.scrollHeight;
});
// The panel beside the board: the address and the focus follow what is open.
let from;
addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.select !== "#panel") return;
  history.replaceState(null, "", ctx.request.action);
  const title = document.querySelector("#panel h2");
  if (title) from = ctx.sourceElement;
  (title ?? from)?.focus();
});
