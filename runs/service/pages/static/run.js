// A run as it goes: the answer, the front with its limits, the chosen network, what happens, the log.

import { call, follow, state } from "./api.js";
import { Chart } from "./chart.js";
import { best, extent, front, text, within } from "./pareto.js";

const { key, objectives, budget, known, run } = state();
const byId = (id) => document.getElementById(id);
const candidates = new Map();
const limits = { ...budget };
const unit = (name) => known[name]?.unit ?? "";
let pinned = null;
let shown = null;

const axes = objectives.length > 1 ? [objectives[1], objectives[0]] : [objectives[0], objectives[0]];
const chart = new Chart(byId("chart"), { names: axes, known, choose: (c) => { pinned = c.key; redraw(); } });

function redraw() {
  const all = [...candidates.values()].filter((c) => c.state === "complete" && objectives.every((o) => o in c.values));
  const inside = within(all, limits);
  const line = front(inside, objectives);
  const chosen = inside.find((c) => c.key === pinned) ?? best(inside, objectives);
  byId("count").textContent = all.length ? `${line.length} of ${inside.length} within the limits, of ${all.length}` : "";
  chart.show({ all, inside: new Set(inside.map((c) => c.key)), front: line, chosen: chosen?.key ?? null });
  byId("answer").textContent = answer(all, chosen);
  sliders(all);
  if (chosen && chosen.key !== shown) network(chosen);
}

function answer(all, chosen) {
  if (!all.length) return run.state === "queued" ? "The run waits for a runner." : "Nothing is found yet.";
  if (!chosen) return "No network is within these limits: raise one.";
  const values = objectives.map((o) => `${known[o].label.toLowerCase()} ${text(chosen.values[o], unit(o))}`).join(", ");
  const lowest = best(all, objectives);
  const name = objectives[0];
  const given = chosen.values[name] - lowest.values[name];
  const cost = given > 0 ? ` It gives up ${text(given, unit(name))} against the best without limits.` : "";
  return `Take ${chosen.key}: ${values}.${cost}`;
}

// ------------------------------------------------------------------ limits

const controls = new Map();

function sliders(all) {
  for (const name of Object.keys(known)) {
    const range = extent(all, name);
    if (!range || range[0] === range[1]) continue;
    const control = controls.get(name) ?? slider(name);
    const [low, high] = range;
    control.range = range;
    control.input.min = 0;
    control.input.max = 1000;
    if (document.activeElement !== control.input) {
      const value = limits[name] ?? high;
      control.input.value = Math.round((1000 * (Math.min(Math.max(value, low), high) - low)) / (high - low));
    }
    control.output.textContent = name in limits ? text(limits[name], unit(name)) : "no limit";
    control.input.setAttribute("aria-valuetext", control.output.textContent);
  }
}

function slider(name) {
  const row = document.createElement("div");
  const label = document.createElement("label");
  const input = document.createElement("input");
  const output = document.createElement("output");
  label.textContent = known[name].label;
  label.htmlFor = input.id = `limit-${name}`;
  input.type = "range";
  const control = { input, output, range: [0, 1] };
  input.addEventListener("input", () => {
    const [low, high] = control.range;
    const part = Number(input.value) / 1000;
    if (part >= 1) delete limits[name];
    else limits[name] = low + part * (high - low);
    redraw();
  });
  row.append(label, input, output);
  byId("limits").append(row);
  controls.set(name, control);
  return control;
}

// ------------------------------------------------------------------ the chosen network

async function network(candidate) {
  shown = candidate.key;
  const host = byId("network");
  const heading = document.createElement("h2");
  heading.textContent = `Network ${candidate.key}`;
  const values = document.createElement("dl");
  values.className = "values";
  for (const [name, value] of Object.entries(candidate.values)) {
    if (name in known) values.append(element("dt", known[name].label), element("dd", text(value, unit(name))));
  }
  const layers = element("ol", "");
  layers.className = "layers";
  const actions = document.createElement("p");
  const button = element("button", "Export");
  button.className = "button";
  button.id = "export";
  button.addEventListener("click", () => attempt(() => call("POST", `/runs/${key}/exports`, { key: candidate.key })));
  const download = element("p", "");
  download.id = "download";
  actions.append(button);
  host.replaceChildren(heading, values, layers, actions, download);
  button.disabled = run.state !== "done";
  offer(candidate.key);
  const whole = await call("GET", `/runs/${key}/candidates/${candidate.key}`);
  if (shown !== candidate.key) return;
  for (const layer of whole.architecture.layers) {
    layers.append(element("li", `${layer.mixer} (${layer.mixer_precision}), ${layer.channel_mixer} × ${layer.ratio} (${layer.channel_precision})`));
  }
}

async function offer(network) {
  const exports = await call("GET", `/runs/${key}/exports`);
  if (shown !== network || !exports.some((one) => one.key === network)) return;
  const link = element("a", "Download the network (zip)");
  link.href = `/api/v1/runs/${key}/exports/${network}.zip`;
  link.id = "zip";
  byId("download").replaceChildren(link);
}

function element(kind, words) {
  const node = document.createElement(kind);
  node.textContent = words;
  return node;
}

// ------------------------------------------------------------------ events and log

function happened(event) {
  const words = { ...event.data };
  if (event.kind === "state") setState(words.state, words.reason);
  const item = element("li", "");
  const time = element("time", new Date(event.time_s * 1000).toLocaleTimeString());
  item.append(time, ` ${describe(event)}`);
  const list = byId("events");
  list.prepend(item);
  while (list.children.length > 200) list.lastChild.remove();
  readLog();
}

function describe({ kind, data }) {
  if (kind === "state") return [data.verb, data.job ?? data.state, data.reason?.how].filter(Boolean).join(" ");
  if (kind === "message" || kind === "warning") return data.text;
  if (kind === "progress") return `${data.title}: ${data.done} of ${data.total} ${data.message}`;
  return kind;
}

function setState(state, reason) {
  run.state = state;
  const badge = byId("run-state");
  badge.textContent = state;
  badge.className = `state ${state}`;
  byId("stop").hidden = !["queued", "running"].includes(state);
  byId("resume").hidden = !["stopped", "failed"].includes(state);
  const button = byId("export");
  if (button) button.disabled = state !== "done";
  if (state === "failed" && reason?.parameter) problem(`${reason.parameter}: expected ${reason.expected}, got ${reason.got}; ${reason.remedy}`);
  if (state === "done" && shown) offer(shown);
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
  } finally {
    reading = false;
  }
}

async function attempt(action) {
  problem(null);
  try { await action(); } catch (error) { problem(error.message); }
}

function problem(words) {
  byId("problem").hidden = !words;
  byId("problem").textContent = words ?? "";
}

for (const verb of ["stop", "resume"]) {
  byId(verb).addEventListener("click", () => attempt(() => call("POST", `/runs/${key}/${verb}`)));
}
setState(run.state, run.jobs?.at(-1)?.reason);
follow(key, {
  happened,
  candidates: (list) => { for (const c of list) candidates.set(c.key, c); redraw(); },
});
redraw();
readLog();
