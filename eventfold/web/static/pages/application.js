// A page of an application's own: the tiles that `tiles.js` exports under the page's name.

import "/static/page.js";
import * as application from "/static/tiles/application.js";
import { startTiles } from "/static/tiles/host.js";

startTiles(document.getElementById("tiles"), application[document.body.dataset.page] ?? []);
