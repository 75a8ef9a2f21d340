// Ages tick in the page, so that a tab left open never lies. The thresholds are
// those of Age in web/component/format.go; the server's clock is the one that counts.
const skew = Date.parse(document.body.dataset.now) - Date.now() || 0;
const age = (s) =>
  s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min` : s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} d`;
setInterval(() => {
  if (document.hidden) return;
  const now = Date.now() + skew;
  for (const t of document.querySelectorAll("time[data-age]")) {
    const text = age(Math.floor(Math.abs(now - Date.parse(t.dateTime)) / 1000));
    if (t.textContent !== text) t.textContent = text;
  }
}, 1000);
for (const i of document.querySelectorAll("[name=zone_here]")) i.value ||= Intl.DateTimeFormat().resolvedOptions().timeZone;
