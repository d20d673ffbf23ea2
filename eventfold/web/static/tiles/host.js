// Makes a card of each tile, polls it, and shows when there is nothing, or nothing new.
//
// A tile is an object:
//
//   id, title       the id of its <section>, and its heading
//   href            where its heading leads; or left out
//   wide, tall      whether it takes the whole row, or two rows
//   every           ms between two polls
//   ask(signal)     asks the API; may answer null: then the tile is not there (404 is null, too)
//   show(body, answer)   draws the answer into its element; returns false where it is empty
//   empty           what is shown then
//   watch           topics to hear of, as `/api/events` names them; or left out
//   hear(body, record, topic)   is called with each record of those topics
//
// For the newest records of a topic there is `newest.js`.

import { orNothing, Poller } from "/static/api.js";
import { element, timeExact } from "/static/format.js";
import { listen, watch } from "/static/page.js";

// Shows tiles in `place`. With `onlyFull` a tile appears with its first record.
export function startTiles(place, tiles, { onlyFull = false } = {}) {
  for (const tile of tiles) start(place, tile, onlyFull);
}

function start(place, tile, onlyFull) {
  const card = newCard(tile, onlyFull);
  place.append(card.section);
  const poller = new Poller(
    (signal) => orNothing(tile.ask(signal)),
    (answer) => show(tile, card, answer),
    (error) => fail(card, error),
    () => tile.every,
  );
  poller.again();
  document.addEventListener("zonechange", () => poller.again());
  watch(tile, tile.watch ?? []);
  listen((topic, record) => {
    const isWatched = tile.watch?.some((each) => each.split(":")[0] === topic);
    if (isWatched && tile.hear(card.body, record, topic) !== false) setState(card, "shown");
  });
}

function newCard(tile, onlyFull) {
  const title = element("h2", { id: `${tile.id}-title` }, tile.href ? element("a", { href: tile.href }, tile.title) : tile.title);
  const note = element("p", { class: "soft note" });
  const body = element("div", { class: "tile-body" });
  const empty = element("p", { class: "empty", hidden: "" }, tile.empty ?? "Nothing so far.");
  const section = element(
    "section",
    { id: tile.id, class: `card tile${tile.wide ? " wide" : ""}${tile.tall ? " tall" : ""}`, "aria-labelledby": title.id, "data-state": "loading" },
    element("header", { class: "card-head" }, title, note),
    body,
    empty,
  );
  section.hidden = onlyFull;
  return { section, body, empty, note, at: 0, onlyFull };
}

function show(tile, card, answer) {
  card.at = Date.now();
  card.note.textContent = "";
  const isFull = answer !== null && tile.show(card.body, answer) !== false;
  setState(card, isFull ? "shown" : "empty");
  if (answer === null) card.section.hidden = true;
}

// What was shown stays, with its age; before there was anything the reason stands there.
function fail(card, error) {
  if (card.at) {
    card.note.textContent = `of ${timeExact(card.at)}`;
    setState(card, "stale");
  } else {
    card.empty.textContent = `${error.message}.`;
    setState(card, "error");
  }
}

function setState(card, state) {
  const { dataset } = card.section;
  if (state === "stale" && dataset.state === "empty") return;
  dataset.state = state;
  card.empty.hidden = !["empty", "error"].includes(state);
  card.body.hidden = !card.empty.hidden;
  card.section.hidden = card.onlyFull && !card.empty.hidden;
}
