// The front page: what runs, what came late or could not be read, then the application's own tiles.

import "/static/page.js";
import * as application from "/static/tiles/application.js"; // made by the server: TILES of each tiles.js
import { startTiles } from "/static/tiles/host.js";
import { records } from "/static/tiles/records.js";
import { busiest, summary } from "/static/tiles/summary.js";

const place = document.getElementById("tiles");
// Those of the pages in the menu, in its order: what doesn't run has none.
const pages = [...document.querySelectorAll(".menu a")].map((link) => link.pathname.split("/").at(-1));
startTiles(place, [summary]);
startTiles(place, [busiest, records, ...pages.flatMap((name) => application[name] ?? [])], { onlyFull: true });
