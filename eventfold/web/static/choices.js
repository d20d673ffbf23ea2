// A list of buttons, one for each symbol. They are kept from one update to the next, so that
// nobody loses the focus; up and down move through them, as in a menu.

import { element } from "/static/format.js";

export class Choices {
  items = new Map(); // symbol → its <li>
  #list; #kind; #parts; #selected = null;

  // `list` is the <ol>; a button has the class `kind`, and a span for each of `parts`.
  constructor(list, kind, parts) {
    this.#list = list;
    this.#kind = kind;
    this.#parts = parts;
    list.addEventListener("keydown", (event) => this.#key(event));
  }

  // Gives the item of each symbol, in place; `choose(symbol)` is called when it is clicked.
  show(symbols, choose) {
    const shown = symbols.map((symbol) => this.items.get(symbol) ?? this.#new(symbol, choose));
    this.#keepOnly(shown);
    this.mark(this.#selected);
    return shown;
  }

  mark(selected) {
    this.#selected = selected;
    for (const [symbol, item] of this.items) {
      item.firstChild.setAttribute("aria-pressed", String(symbol === selected));
    }
  }

  #new(symbol, choose) {
    const button = element("button", { type: "button", class: this.#kind });
    for (const part of this.#parts) button.append(element("span", { class: part }));
    button.querySelector(".name").textContent = symbol;
    button.addEventListener("click", () => choose(symbol));
    const item = element("li", {}, button);
    this.items.set(symbol, item);
    return item;
  }

  #keepOnly(shown) {
    for (const [symbol, item] of this.items) {
      if (!shown.includes(item)) {
        item.remove();
        this.items.delete(symbol);
      }
    }
    // An element that is moved loses the focus: move only those not in their place.
    shown.forEach((item, index) => {
      if (this.#list.children[index] !== item) {
        const focused = item.contains(document.activeElement);
        this.#list.insertBefore(item, this.#list.children[index] ?? null);
        if (focused) item.firstChild.focus({ preventScroll: true });
      }
    });
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const buttons = [...this.#list.querySelectorAll("button")];
    const next = buttons[buttons.indexOf(document.activeElement) + (step ?? NaN)];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }
}
