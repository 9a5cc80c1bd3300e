// What the corners of a space cost, and whether the budget can be met: asked again whenever the form changes.

import { call } from "./api.js";
import { byId, element } from "./dom.js";

const WAIT_MS = 500;
let timer = null, asked = 0;

// Ask soon what a document costs; of several calls only the last one is answered.
export function showCosts(made, known) {
  clearTimeout(timer);
  const mine = ++asked;
  timer = setTimeout(async () => {
    byId("costs-status").textContent = "Checking …";
    byId("costs").setAttribute("aria-busy", "true");
    let found = null, problem = null;
    try { found = await call("POST", "/checks", made); } catch (error) { problem = error.message; }
    if (mine !== asked) return;
    byId("costs").removeAttribute("aria-busy");
    byId("costs").replaceChildren(...(found ? [table(found, known)] : []));
    byId("costs-status").textContent = found ? sentence(found) : "";
    warn(problem ?? (found.unmet && told(found.unmet)));
    byId("costs-notes").replaceChildren(...(found?.notes ?? []).map((note) => element("li", {}, note)));
  }, WAIT_MS);
}

function warn(words) {
  byId("costs-problem").hidden = !words;
  byId("costs-problem").textContent = words ?? "";
}

const told = ({ parameter, expected, got, remedy }) => `${parameter}: expected ${expected}, got ${got}; ${remedy}`;

function sentence({ unmet, profile, budget, networks_log10: size }) {
  const unknown = "The device was not measured yet, so latencies are not known before the run measures it";
  const first = profile ? `Latencies are predicted for ${profile}.` : `${unknown}${budget.latency_ms ? ", and their limit is not checked" : ""}.`;
  const met = Object.keys(budget).length && !unmet ? " What can be checked of the budget can be met." : "";
  return `10^${size.toFixed(1)} networks. ${first}${met}`;
}

function table({ corners, budget }, known) {
  const head = ["", ...corners.map((corner) => corner.name), "limit"].map((name) => element("th", { scope: "col", className: "number" }, name));
  const sizes = element("tr", {}, element("th", { scope: "row" }, "Width × depth"), ...corners.map((c) => cell(`${c.embed_dim} × ${c.depth}`)), cell(""));
  const rows = Object.keys(corners[0].values).map((name) => {
    const { label, unit } = known[name] ?? { label: name, unit: "" };
    const limit = budget[name];
    return element("tr", {}, element("th", { scope: "row" }, unit && unit !== "count" ? `${label}, ${unit}` : label),
      ...corners.map(({ values }) => cell(number(values[name]), limit !== undefined && values[name] > limit)), cell(limit === undefined ? "" : number(limit)));
  });
  return element("table", { className: "costs" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, sizes, ...rows));
}

const cell = (words, isOver = false) => element("td", { className: isOver ? "number over" : "number", title: isOver ? "over the limit" : null }, words);

// 1234567 is "1.23M", 0.0132 stays.
function number(value) {
  for (const [letter, one] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) if (value >= one) return `${Number((value / one).toPrecision(3))}${letter}`;
  return String(Number(value.toPrecision(3)));
}
