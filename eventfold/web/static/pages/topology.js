import "/static/page.js";
import { startTiles } from "/static/tiles/host.js";
import { topology } from "/static/tiles/topology.js";

startTiles(document.getElementById("tiles"), [{ ...topology, wide: true }]);
