// Light or dark: as the system says, until somebody chooses; the browser remembers the choice.
//
// No module: it has to run before anything is painted.

{
  const KEY = "tickstream-theme";
  const root = document.documentElement;
  const change = (choice) => {
    if (choice === "system") delete root.dataset.theme;
    else root.dataset.theme = choice;
    document.dispatchEvent(new Event("themechange"));
  };
  // A browser may forbid that anything is kept.
  const kept = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  const keep = (choice) => { try { localStorage.setItem(KEY, choice); } catch { /* for now, then */ } };
  const chosen = () => (["light", "dark"].includes(kept()) ? kept() : "system");

  change(chosen());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => change(chosen()));
  document.addEventListener("DOMContentLoaded", () => {
    const select = document.querySelector("#theme");
    if (!select) return;
    select.value = chosen();
    select.addEventListener("change", () => {
      keep(select.value);
      change(select.value);
    });
  });
}
