// Who is looking: where workers ask for that, the page leads to /login once they no longer know.

const seen = new PerformanceObserver((list) => {
  if (!list.getEntries().some((entry) => entry.responseStatus === 401)) return;
  seen.disconnect();
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}${location.hash}`);
});

// Where nobody is asked, /login leads elsewhere at once.
const asked = await fetch("/login", { redirect: "manual" }).catch(() => null);
if (asked?.ok) {
  seen.observe({ type: "resource", buffered: true });
  const link = Object.assign(document.createElement("a"), { href: "/login", textContent: "Session" });
  document.querySelector(".foot nav")?.append(" ", link);
}
