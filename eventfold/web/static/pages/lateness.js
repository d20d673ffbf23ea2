import "/static/page.js";
import { startTiles } from "/static/tiles/host.js";
import { lateness } from "/static/tiles/lateness.js";
import { records } from "/static/tiles/records.js";

startTiles(document.getElementById("tiles"), [lateness, records]);
