import "/static/page.js";
import { startTiles } from "/static/tiles/host.js";
import { workers } from "/static/tiles/workers.js";

startTiles(document.getElementById("tiles"), [{ ...workers, wide: true }]);
