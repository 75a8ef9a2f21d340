// Copy buttons show only when script runs (class "js"); what was copied is said
// through the one polite live region. A secret is fetched when it is asked for,
// goes to the clipboard, and is in no page. Its item is made within the click:
// what is fetched first would come too late.
document.documentElement.classList.add("js");
const secret = async (d) => {
  const r = await fetch(d.from, { method: "POST", body: new URLSearchParams({ ...d }) });
  if (!r.ok || r.redirected) throw r;
  return r.blob();
};
addEventListener("click", async (e) => {
  const b = e.target.closest?.(".copy");
  if (!b) return;
  const d = b.dataset, c = navigator.clipboard;
  let ok = true;
  await (d.from ? c.write([new ClipboardItem({ "text/plain": secret(d) })]) : c.writeText(d.copy)).catch(() => (ok = false));
  document.getElementById("say").textContent = ok ? "Copied" : "Copying is not allowed here";
  b.classList.toggle("done", ok);
  setTimeout(() => b.classList.remove("done"), 1200);
});
