// Marks an answer of a standby, whose owner is gone.

import { count } from "/static/format.js";
import { explain } from "/static/tips.js";

// `stale` is the header of the answer, "" where its owner answered.
export function showStandby(stale) {
  const mark = document.getElementById("standby");
  const lag = Number(/;lag=(\d+)/.exec(stale)?.[1] ?? 0);
  mark.hidden = !stale;
  mark.textContent = lag ? `From a standby, ${count(lag)} changes behind` : "From a standby";
  explain(mark, stale && `The worker that has this key does not answer: ${stale.replaceAll(";", ", ")}`);
}
