// The list of runs, looked at again every few seconds while the page is visible.

import { call } from "./api.js";

async function refresh() {
  if (document.hidden || !document.getElementById("runs")) return;
  const { runs } = await call("GET", "/runs");
  for (const run of runs) {
    const badge = document.querySelector(`tr[data-key="${run.key}"] .state`);
    if (!badge) continue;
    badge.textContent = run.state;
    badge.className = `state ${run.state}`;
  }
}

setInterval(() => refresh().catch(() => {}), 3000);
