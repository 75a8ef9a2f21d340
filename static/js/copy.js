// Copy buttons show only when script runs (class "js"); what was copied is said
// through the one polite live region.
document.documentElement.classList.add("js");
addEventListener("click", async (e) => {
  const b = e.target.closest?.("[data-copy]");
  if (!b) return;
  let ok = true;
  await navigator.clipboard.writeText(b.dataset.copy).catch(() => (ok = false));
  document.getElementById("say").textContent = ok ? "Copied" : "Copying is not allowed here";
  b.classList.toggle("done", ok);
  setTimeout(() => b.classList.remove("done"), 1200);
});
