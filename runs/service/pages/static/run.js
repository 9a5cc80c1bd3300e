// A run as it goes: the answer, the front with its limits, the networks, the chosen one, what happens, the log.

import { call, follow, state } from "./api.js";
import { Chart } from "./chart.js";
import { attempt, byId, element, problem, toast } from "./dom.js";
import { headingOf, layersOf } from "./layers.js";
import { Limits } from "./limits.js";
import { best, front, judged, text, within } from "./pareto.js";
import { Progress } from "./progress.js";
import { Waiting } from "./waiting.js";

const { key, objectives, budget, known, run, report, now_s, budget_s, started_s } = state();
const candidates = new Map();
const networks = new Map(); // architectures that were asked for
const limits = { ...budget };
const unit = (name) => known[name]?.unit ?? "";
const say = (candidate, name) => text(candidate.values[name], unit(name));
let usable = []; // candidates that were judged by all objectives
let pinned = null;
let shown = null;
let isTouched = false; // whether the user has moved a limit or chosen a network

const axes = objectives.length > 1 ? [objectives[1], objectives[0]] : [objectives[0], objectives[0]];
const order = [...new Set([...objectives, "latency_ms", "size_bytes", ...Object.keys(known)])]; // what matters most first
const columns = order.slice(0, Math.max(3, objectives.length));
const chart = new Chart(byId("chart"), { names: axes, known, choose, tell });
const sliders = new Limits(byId("limits"), { known, order, first: Math.max(3, objectives.length), limits, changed: () => { isTouched = true; redraw(); } });
const progress = new Progress({ now_s, budget_s, started_s });
const waiting = new Waiting(key);

function choose(candidate) {
  pinned = candidate.key;
  isTouched = true;
  redraw();
}

function redraw() {
  const begun = performance.now();
  const inside = within(usable, limits);
  const line = front(inside, objectives);
  const chosen = inside.find((c) => c.key === pinned) ?? best(inside, objectives);
  byId("count").textContent = usable.length ? `${line.length} on the front, ${inside.length} of ${usable.length} networks within the limits` : "";
  chart.show({ all: usable, inside: new Set(inside.map((c) => c.key)), fronts: [line], chosen: chosen?.key ?? null, limits });
  byId("chart-empty").hidden = usable.length > 0;
  const words = answer(chosen);
  if (byId("answer").textContent !== words) byId("answer").textContent = words;
  byId("reset").hidden = !isTouched;
  sliders.update(usable);
  table(line, chosen);
  if (chosen?.key !== shown) network(chosen);
  document.documentElement.dataset.redrawMs = (performance.now() - begun).toFixed(1);
}

function answer(chosen) {
  if (!usable.length) {
    return {
      queued: "The run waits for a runner.", running: "No network is found yet: the first ones are on their way.",
      failed: "The run failed before it found a network.", stopped: "The run was stopped before it found a network.",
    }[run.state] ?? "No network was found.";
  }
  if (!chosen) return "No network is within these limits: raise one.";
  if (report && !isTouched && run.state === "done") return report;
  const [quality, ...costs] = objectives;
  const why = chosen.key === pinned ? "the one you chose" : Object.keys(limits).length ? "the best within the limits" : "the best so far";
  const values = [...costs, quality].map((o) => `${say(chosen, o)} ${known[o].label.toLowerCase()}`).join(", ");
  return `Take ${chosen.key}, ${why}: ${values}${beside(chosen)}.`;
}

// What one gives up against the best network without limits.
function beside(chosen) {
  const lowest = best(usable, objectives), [quality, cost] = objectives;
  if (lowest.key === chosen.key) return "; no network has less";
  const more = chosen.values[quality] - lowest.values[quality];
  const error = more > 0 ? `${text(more, unit(quality) === "%" ? "points" : unit(quality))} more ${known[quality].label.toLowerCase()}` : "the same";
  if (!cost || !(chosen.values[cost] > 0)) return `; ${error} than the best without limits`;
  const ratio = lowest.values[cost] / chosen.values[cost];
  return `; ${error} than the best without limits, at ${ratio >= 1 ? `${ratio.toFixed(1)} times less` : `${(1 / ratio).toFixed(1)} times more`} ${known[cost].label.toLowerCase()}`;
}

// ------------------------------------------------------------------ the table of the front

function table(line, chosen) {
  const rows = line.map((c) => {
    const button = element("button", { type: "button", className: "link", "aria-pressed": String(c.key === chosen?.key), "data-key": c.key }, c.key);
    button.addEventListener("click", () => choose(c));
    const test = c.final?.test_error;
    return element("tr", { className: c.key === chosen?.key ? "chosen" : "" }, element("td", {}, button),
      ...columns.map((name) => element("td", { className: "number" }, say(c, name))),
      element("td", { className: "number" }, test === undefined || test === null ? "—" : text(test, unit(objectives[0]))));
  });
  const focused = document.activeElement?.dataset?.key;
  const body = byId("networks-body");
  body.replaceChildren(...rows);
  if (focused) body.querySelector(`button[data-key="${focused}"]`)?.focus({ preventScroll: true });
}

const SHORT = { size_bytes: "Size", flops: "FLOPs", peak_activation_bytes: "Peak memory" };

byId("networks-head").append(
  element("th", { scope: "col" }, "Network"),
  ...columns.map((name) => element("th", { scope: "col", className: "number" }, SHORT[name] ?? known[name].label)),
  element("th", { scope: "col", className: "number" }, "Test error"));

// ------------------------------------------------------------------ one network

async function whole(candidate) {
  if (!networks.has(candidate.key)) networks.set(candidate.key, call("GET", `/runs/${key}/candidates/${candidate.key}`));
  try { return await networks.get(candidate.key); } catch (error) { networks.delete(candidate.key); throw error; }
}

async function tell(candidate, box) {
  const words = axes.map((name) => `${known[name].label}: ${say(candidate, name)}`);
  const fill = (...more) => box.replaceChildren(element("b", {}, candidate.key), ...words.map((w) => element("div", {}, w)), ...more);
  fill();
  const { architecture } = await whole(candidate);
  if (chart.told === candidate.key) fill(element("div", { className: "muted" }, headingOf(architecture)), layersOf(architecture, { compact: true }));
}

const FINAL = { test_error: ["Test error", () => unit(objectives[0])], latency_ms: ["Latency, measured", () => "ms"] };

async function network(candidate) {
  shown = candidate?.key ?? null;
  const host = byId("network");
  host.hidden = !candidate;
  if (!candidate) return;
  const values = element("dl", { className: "values" });
  const add = (label, words) => values.append(element("div", {}, element("dt", {}, label), element("dd", {}, words)));
  for (const name of order) if (name in candidate.values) add(known[name].label, say(candidate, name));
  for (const [name, [label, its]] of Object.entries(FINAL)) if (candidate.final?.[name] > 0) add(label, text(candidate.final[name], its()));
  byId("network-title").textContent = `Network ${candidate.key}`;
  byId("network-values").replaceChildren(values);
  byId("network-layers").replaceChildren();
  byId("download").replaceChildren();
  allow();
  offer(candidate.key).catch(() => {});
  const { architecture } = await whole(candidate);
  if (shown !== candidate.key) return;
  byId("network-layers").replaceChildren(element("p", { className: "muted" }, headingOf(architecture)), layersOf(architecture));
}

function allow() {
  byId("export").disabled = run.state !== "done";
  byId("export-hint").hidden = run.state === "done";
}

async function offer(name) {
  const exported = await call("GET", `/runs/${key}/exports`);
  if (shown !== name) return;
  const isThere = exported.some((one) => one.key === name);
  byId("export").hidden = isThere;
  if (!isThere) return;
  byId("download").replaceChildren(
    element("a", { href: `/api/v1/runs/${key}/exports/${name}.zip`, id: "zip", className: "button" }, "Download the network (zip)"),
    element("a", { href: `/runs/${key}/exports/${name}`, id: "about-zip" }, "What is in it, and how to run it"));
}

byId("export").addEventListener("click", () => attempt(async () => {
  await call("POST", `/runs/${key}/exports`, { key: shown });
  toast("The export waits for its turn; the download appears here");
}));

// ------------------------------------------------------------------ events and log

const TELLING = new Set(["message", "warning", "state"]);

function happened(event) {
  const { kind, data, time_s } = event;
  if (kind === "state") setState(data, time_s);
  if (kind === "progress") progress.told(data, time_s);
  if (TELLING.has(kind)) {
    const list = byId("events"), isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    const item = element("li", { className: kind === "warning" ? kind : "" }, element("time", {}, new Date(time_s * 1000).toLocaleTimeString()), ` ${describe(event)}`);
    list.append(item);
    while (list.children.length > 400) list.firstChild.remove();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }
  if (byId("log").closest("details").open) readLog();
}

function describe({ kind, data }) {
  if (kind !== "state") return data.text;
  const doing = [data.verb, data.job ?? data.state].filter(Boolean).join(": ");
  return [doing, data.runner && `on ${data.runner}`, data.reason?.how].filter(Boolean).join(", ");
}

function setState({ state: next, reason, job, verb }, time_s) {
  run.state = next ?? run.state;
  const badge = byId("run-state");
  badge.textContent = run.state;
  badge.className = `state ${run.state}`;
  byId("stop").hidden = !["queued", "running"].includes(run.state);
  byId("resume").hidden = !["stopped", "failed"].includes(run.state);
  byId("report").hidden = run.state !== "done";
  waiting.setState(run.state);
  progress.setState(run.state, job === "running" ? { started_s: time_s, isWhole: verb === "run" } : {});
  if (["queued", "running"].includes(next)) problem(null); // what failed before is tried again
  allow();
  if (run.state === "failed" && reason?.parameter) problem(`${reason.parameter}: expected ${reason.expected}, got ${reason.got}; ${reason.remedy}`);
  if (run.state === "done" && shown) offer(shown).catch(() => {});
  later();
}

let offset = 0;
let reading = false;

async function readLog() {
  if (reading) return;
  reading = true;
  try {
    for (;;) {
      const part = await call("GET", `/runs/${key}/log?offset=${offset}`);
      if (part.offset === offset) break;
      offset = part.offset;
      byId("log").append(part.text);
    }
  } catch { /* the next event asks again */ } finally {
    reading = false;
  }
}

let isWaiting = false;

// Many events come at once when the page opens: one picture is drawn for all.
function later() {
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(() => { isWaiting = false; redraw(); });
}

byId("log").closest("details").addEventListener("toggle", readLog);
byId("reset").addEventListener("click", () => {
  pinned = null;
  for (const name of Object.keys(limits)) delete limits[name];
  Object.assign(limits, budget);
  isTouched = false;
  redraw();
});
for (const verb of ["stop", "resume"]) {
  byId(verb).addEventListener("click", () => attempt(() => call("POST", `/runs/${key}/${verb}`)));
}
setState({ state: run.state, reason: run.jobs?.findLast((job) => job.verb !== "worker")?.reason });
follow(key, {
  happened,
  candidates: (list) => {
    for (const c of list) candidates.set(c.key, c);
    usable = judged([...candidates.values()], objectives);
    later();
  },
  lost: () => { byId("lost").hidden = false; },
  back: () => { byId("lost").hidden = true; },
});
