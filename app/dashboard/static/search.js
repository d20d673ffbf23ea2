// The search field: what begins so is offered, `/` leads to it.

import { get } from "/static/api.js";
import { element } from "/static/format.js";

const at = (id) => document.getElementById(id);
let asking = null;

// `choose(symbol)` is called with what was chosen, or typed: either case finds what is known.
export function listen(choose) {
  at("query").addEventListener("input", (event) => {
    // Chosen from the list, not typed.
    if (event.inputType === "insertReplacementText" || event.inputType === undefined) search(choose);
    else suggest();
  });
  at("query").addEventListener("focus", suggest);
  at("search").addEventListener("submit", (event) => {
    event.preventDefault();
    search(choose);
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=radio]), textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      at("query").focus();
    }
    if (event.key === "Escape") at("query").blur();
  });
}

async function suggest() {
  asking?.abort();
  asking = new AbortController();
  const query = new URLSearchParams({ prefix: at("query").value.trim(), limit: 50, stale: true, partial: true });
  const found = await get(`/api/symbols?${query}`, asking.signal).catch(() => null);
  if (found) at("known").replaceChildren(...found.map((value) => element("option", { value })));
}

function search(choose) {
  const typed = at("query").value.trim();
  const known = [...at("known").options].map((option) => option.value);
  const same = known.find((name) => name === typed) ?? known.find((name) => name.toLowerCase() === typed.toLowerCase());
  if (!typed) return;
  choose(same ?? typed);
  at("query").value = "";
  at("query").blur();
  at("symbol").focus({ preventScroll: true });
}
