// A search field: what matches is offered, `/` leads to it.

import { element } from "/static/format.js";

// `find(text, signal)` answers with names that match; `choose(name)` is called with what was chosen,
// or typed: either case finds what is offered.
export function search({ form, find, choose }) {
  const input = form.querySelector("input");
  const list = form.querySelector("datalist");
  let asking = null;

  async function suggest() {
    asking?.abort();
    asking = new AbortController();
    const found = await find(input.value.trim(), asking.signal).catch(() => null);
    if (found) list.replaceChildren(...found.map((value) => element("option", { value })));
  }

  function submit() {
    const typed = input.value.trim();
    const known = [...list.options].map((option) => option.value);
    const same = known.find((name) => name === typed) ?? known.find((name) => name.toLowerCase() === typed.toLowerCase());
    if (!typed) return;
    choose(same ?? typed);
    input.value = "";
    input.blur();
  }

  input.addEventListener("input", (event) => {
    // Chosen from the list, not typed.
    if (event.inputType === "insertReplacementText" || event.inputType === undefined) submit();
    else suggest();
  });
  input.addEventListener("focus", suggest);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=radio]), textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      input.focus();
    }
    if (event.key === "Escape") input.blur();
  });
}
