// ALL tiles beneath the market, in the order in which they stand there.
//
// A tile is a file of its own that exports an object:
//
//   id, title       the id of its <section>, and its heading
//   wide            whether it takes the whole row
//   every           ms between two askings
//   ask(signal)     asks the API; may give null: then the tile is not there (404 is null, too)
//   show(body, answer, page)   draws the answer into its element; gives false where it is empty
//   empty           what is said then
//   watch           topics to hear of, as `/api/events` names them; or left out
//   hear(body, record, page, topic)   is given each record of those topics
//
// `page` has `select(symbol)`, and `settle(all)` to say whether all is as it should be. For the newest records of a topic there is `newest.js`.

import { lateness } from "/static/tiles/lateness.js";
import { rankings } from "/static/tiles/rankings.js";
import { refused } from "/static/tiles/refused.js";
import { schemas } from "/static/tiles/schemas.js";
import { topology } from "/static/tiles/topology.js";
import * as useCases from "/static/tiles/use-cases.js"; // made by the server: TILES of each tiles.js
import { workers } from "/static/tiles/workers.js";

export const TILES = [rankings, ...Object.values(useCases).flat(), schemas, refused, lateness, workers, topology];
