// Explanations of elements: beside them on hover, on focus, and by a tap, which focuses them.

import { element } from "/static/format.js";

const GAP = 8; // px between an element and its explanation

const box = element("p", { id: "tip", class: "tip", role: "tooltip", popover: "manual" });
document.getElementById("main").append(box);
let shown = null;

// Explains `target` by `text`, "" for no more, and returns it; it takes the focus from now on.
export function explain(target, text) {
  if (text) target.dataset.tip = text;
  else delete target.dataset.tip;
  if (!target.matches("a, button, input, select")) {
    if (text) target.setAttribute("tabindex", "0");
    else target.removeAttribute("tabindex");
  }
  if (target === shown) show(target);
  return target;
}

function show(target) {
  hide();
  if (!target?.dataset.tip) return;
  shown = target;
  target.setAttribute("aria-describedby", box.id);
  box.textContent = target.dataset.tip;
  box.showPopover();
  place();
}

function place() {
  if (!shown?.isConnected) return hide();
  const { left, bottom, top } = shown.getBoundingClientRect();
  const below = bottom + GAP + box.offsetHeight < innerHeight;
  box.style.left = `${Math.max(GAP, Math.min(left, innerWidth - box.offsetWidth - GAP))}px`;
  box.style.top = `${below ? bottom + GAP : Math.max(GAP, top - GAP - box.offsetHeight)}px`;
}

function hide() {
  shown?.removeAttribute("aria-describedby");
  shown = null;
  if (box.matches(":popover-open")) box.hidePopover();
}

const explained = (event) => event.target.closest?.("[data-tip]");

document.addEventListener("pointerover", (event) => {
  const target = explained(event);
  if (event.pointerType === "mouse" && target !== shown && !(shown && shown === document.activeElement && !target)) show(target);
});
document.addEventListener("focusin", (event) => show(explained(event)));
document.addEventListener("focusout", hide);
// An element that takes the focus may be scrolled into view.
document.addEventListener("scroll", place, { capture: true, passive: true });
document.addEventListener("keydown", (event) => event.key === "Escape" && hide());

// Replaces what is in `place`; whoever has the focus there keeps it, at the same name or place.
export function redraw(place, ...children) {
  const stops = () => [...place.querySelectorAll("[tabindex], a, button, select")];
  const active = document.activeElement;
  const index = stops().indexOf(active);
  place.replaceChildren(...children);
  if (index < 0 || active.isConnected) return;
  const all = stops();
  const same = all.find((each) => each.dataset.name && each.dataset.name === active.dataset.name);
  (same ?? all[Math.min(index, all.length - 1)])?.focus({ preventScroll: true });
}
