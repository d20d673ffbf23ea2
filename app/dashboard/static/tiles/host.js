// Makes a card of each tile, asks for it, and says when there is nothing, or nothing new.

import { orNothing, Poller } from "/static/api.js";
import { element, timeExact } from "/static/format.js";
import { TILES } from "/static/tiles/index.js";

const cards = new Map(); // tile → what is on the page of it
let page = {};

// `given` is what tiles may do with the page: `select(symbol)`.
export function startTiles(place, given) {
  page = given;
  for (const tile of TILES) {
    const card = newCard(tile);
    cards.set(tile, card);
    place.append(card.section);
    const poller = new Poller(
      (signal) => orNothing(tile.ask(signal)),
      (answer) => shown(tile, card, answer),
      (error) => failed(card, error),
      () => tile.every,
    );
    poller.again();
  }
}

export const tileTopics = () => TILES.flatMap((tile) => tile.watch ?? []);

// Hands a record to the tiles that watch its topic.
export function toTiles(topic, record) {
  for (const [tile, card] of cards) {
    const watched = (tile.watch ?? []).some((each) => each.split(":")[0] === topic);
    if (watched && tile.hear(card.body, record, page, topic) !== false) setState(card, "shown");
  }
}

function newCard(tile) {
  const title = element("h2", { id: `${tile.id}-title` }, tile.title);
  const note = element("p", { class: "soft note" });
  const body = element("div", { class: "tile-body" });
  const empty = element("p", { class: "empty", hidden: "" }, tile.empty ?? "Nothing so far.");
  const section = element(
    "section",
    { id: tile.id, class: `card tile${tile.wide ? " wide" : ""}`, "aria-labelledby": title.id, "data-state": "loading" },
    element("header", { class: "card-head" }, title, note),
    body,
    empty,
  );
  return { section, body, empty, note, at: 0 };
}

function shown(tile, card, answer) {
  card.section.hidden = answer === null;
  if (answer === null) return;
  card.at = Date.now();
  card.note.textContent = "";
  setState(card, tile.show(card.body, answer, page) === false ? "empty" : "shown");
}

// What was shown stays, with its age; before there was anything the reason stands there.
function failed(card, error) {
  if (card.at) {
    card.note.textContent = `of ${timeExact(card.at)}`;
    setState(card, "stale");
  } else {
    card.empty.textContent = `${error.message}.`;
    setState(card, "error");
  }
}

function setState(card, state) {
  card.section.dataset.state = state;
  card.empty.hidden = !["empty", "error"].includes(state);
  card.body.hidden = !card.empty.hidden;
}
