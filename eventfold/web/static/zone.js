// Times in the viewer's zone or in UTC, by one switch; the browser remembers the choice.

const KEY = "eventfold-zone";

// A browser may forbid that anything is kept.
const kept = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
const keep = (choice) => { try { localStorage.setItem(KEY, choice); } catch { /* for now, then */ } };

let inUtc = kept() === "utc";

// The zone as `Intl` takes it; undefined is the viewer's own.
export const timeZone = () => (inUtc ? "UTC" : undefined);

// What the zone's clocks show at `ms`, as if it were ms since the epoch.
export const onTheClock = (ms) => (inUtc ? ms : ms - new Date(ms).getTimezoneOffset() * 60_000);

const select = document.getElementById("zone");
select.options[0].text = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "local";
select.value = inUtc ? "utc" : "local";
select.addEventListener("change", () => {
  inUtc = select.value === "utc";
  keep(select.value);
  document.dispatchEvent(new Event("zonechange"));
});
