// The list of runs: states looked at again while the page is visible, the best numbers and a small picture of each front.

import { call, state } from "./api.js";
import { byId } from "./dom.js";
import { best, extent, text } from "./pareto.js";
import { scaleOf } from "./scale.js";

const { known } = state();
const NS = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [96, 28];

async function refresh() {
  if (document.hidden || !byId("runs")) return;
  const { runs } = await call("GET", "/runs?limit=50");
  for (const run of runs) {
    const row = document.querySelector(`tr[data-key="${run.key}"]`);
    const badge = row?.querySelector(".state");
    if (!badge) continue;
    if (badge.textContent !== run.state) row.dataset.stale = "";
    badge.textContent = run.state;
    badge.className = `state ${run.state}`;
    row.querySelector(".place").textContent = run.place ? `place ${run.place}` : "";
    if (run.state === "running" || "stale" in row.dataset) await front(row);
  }
}

async function front(row) {
  delete row.dataset.stale;
  const { objectives: [quality, cost], front: found, nearest } = await call("GET", `/runs/${row.dataset.key}/front`);
  const cell = row.querySelector(".best"), networks = found.length ? found : nearest;
  if (!networks.length || !(quality in known)) return;
  const { values } = best(networks, [quality]);
  const say = (name) => text(values[name], known[name].unit);
  cell.textContent = `${say(quality)}${cost in known ? ` at ${say(cost)}` : ""}${found.length ? "" : " (outside the budget)"}`;
  if (cost in known && networks.length > 1) row.querySelector(".spark").replaceChildren(spark(networks, [quality, cost]));
}

function spark(networks, [quality, cost]) {
  const x = scaleOf(extent(networks, cost), 0, WIDTH), y = scaleOf(extent(networks, quality), HEIGHT, 0);
  const svg = document.createElementNS(NS, "svg"), line = document.createElementNS(NS, "polyline");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `Front of ${networks.length} networks`);
  const sorted = networks.toSorted((a, b) => a.values[cost] - b.values[cost]);
  line.setAttribute("points", sorted.map((c) => `${x(c.values[cost])},${y(c.values[quality])}`).join(" "));
  svg.append(line);
  return svg;
}

// Comparing needs two runs.
function comparing() {
  const chosen = [...document.querySelectorAll("#runs input:checked")].map((box) => box.value);
  byId("compare").disabled = chosen.length < 2;
  byId("compare-hint").textContent = chosen.length < 2 ? "Tick two or more runs to compare them." : `${chosen.length} runs are ticked.`;
}

if (byId("runs")) {
  byId("runs").addEventListener("change", comparing);
  byId("compare").addEventListener("click", () => {
    const chosen = [...document.querySelectorAll("#runs input:checked")].map((box) => box.value);
    location.assign(`/compare?runs=${chosen.join(",")}`);
  });
  comparing();
  for (const row of document.querySelectorAll("#runs tbody tr")) row.dataset.stale = "";
}

async function again() {
  try { await refresh(); } catch { /* asked again in a moment */ }
  setTimeout(again, 3000);
}
again();
