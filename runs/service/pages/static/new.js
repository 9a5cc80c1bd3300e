// The form of a new search: what is filled in becomes a document, which is shown as a command, as Python, and sent.

import { call, state } from "./api.js";
import { showCosts } from "./costs.js";
import { documentOf } from "./document.js";
import { byId, copyButtons, duration, problem } from "./dom.js";
import { uploads } from "./upload.js";

const form = byId("new");
const { fork, document: before, ended, device, known } = state();

const documentNow = () => ({ ...documentOf(form), ...(fork && { fork }) });

function words(made, prefix = "") {
  return Object.entries(made).flatMap(([name, value]) => {
    if (Array.isArray(value)) return [`'${prefix}${name}=[${value.join(",")}]'`];
    return typeof value === "object" ? words(value, `${prefix}${name}.`) : [`${prefix}${name}=${value}`];
  });
}

function python(value, indent = "") {
  if (Array.isArray(value)) return `[${value.map((one) => python(one)).join(", ")}]`;
  if (value === true || value === false) return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}    `;
  return `{\n${Object.entries(value).map(([name, one]) => `${inner}"${name}": ${python(one, inner)},\n`).join("")}${indent}}`;
}

function show() {
  const method = form.elements["search.method"].value;
  const isTimed = method === "fidelities";
  for (const node of form.querySelectorAll("[data-only]")) node.hidden = (node.dataset.only === "fidelities") !== isTimed;
  const made = documentNow();
  byId("command").textContent = `nasweave --server ${location.origin} run ${words(made).join(" ")}`;
  byId("python").textContent = `import nasweave as nw\n\nrun = nw.connect("${location.origin}").submit(${python(made)})\nrun.wait()`;
  byId("estimate").textContent = estimate(made, method);
  showCosts(made, known);
}

// How long it will take: what was asked for, or what such runs have taken here, and never a guess.
function estimate(made, method) {
  if (method === "fidelities" && made.time_budget) {
    const [, number, letter] = made.time_budget.match(/^([0-9.]+)([smh])$/) ?? [];
    if (!number) return "The time is a number with s, m or h, such as 5m.";
    const seconds = Number(number) * { s: 1, m: 60, h: 3600 }[letter];
    return seconds < 120 ? "A whole run needs at least 2 minutes." : `The run ends after about ${duration(seconds)}: its parts share that time.`;
  }
  const task = made.task ?? made.dataset;
  const alike = ended.filter((run) => run.data === task && run.method === method).map((run) => run.seconds).toSorted((a, b) => a - b);
  if (!alike.length) return `No such run of ${task} has ended here yet, so nobody knows how long it takes; you can stop it at any time.`;
  const span = alike.length > 1 ? `${duration(alike[0])} to ${duration(alike.at(-1))}` : duration(alike[0]);
  return `${alike.length === 1 ? "One run" : `${alike.length} runs`} of ${task} by this method took ${span} here.`;
}

function fill(values, prefix = "") {
  for (const [name, value] of Object.entries(values)) {
    if (value === null || name === "fork") continue;
    const field = form.elements[`${prefix}${name}`];
    if (["task", "dataset"].includes(name) && !prefix) form.elements.data.value = `${name}:${value}`;
    else if (typeof value === "object" && !Array.isArray(value)) fill(value, `${prefix}${name}.`);
    else if (!field) continue;
    else if (field.dataset.kind === "boolean") field.checked = value;
    else if (field.dataset.kind === "several") for (const option of field.options) option.selected = value.includes(option.value);
    else field.value = Array.isArray(value) ? value.join(", ") : value;
  }
}

form.addEventListener("input", show);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem(null);
  byId("begin").disabled = true;
  try {
    const run = await call("POST", "/runs", documentNow(), { "Idempotency-Key": crypto.randomUUID() });
    location.assign(`/runs/${run.key}`);
  } catch (error) {
    byId("begin").disabled = false;
    problem(error.message);
    const field = form.elements[error.parameter];
    field?.closest("details")?.setAttribute("open", "");
    field?.focus();
  }
});
if (before) { form.elements.time_budget.value = ""; fill(before); }
if (device) form.elements["device.profile"].value = device;
copyButtons();
uploads((name, task) => {
  byId("datasets").append(new Option(`${name} (${task})`, `dataset:${name}`));
  form.elements.data.value = `dataset:${name}`;
  show();
});
show();
