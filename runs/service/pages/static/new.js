// The form of a new search: what is filled in becomes a document, which is shown as a command and sent.

import { call, state } from "./api.js";

const form = document.getElementById("new");
const { fork, document: before } = state();
const WHOLE = new Set(["device.threads", "budget.size_bytes", "search.trials", "search.seed"]);

function documentOf() {
  const made = {};
  for (const [name, value] of new FormData(form)) {
    if (value === "") continue;
    if (name === "data") {
      const [kind, id] = value.split(":");
      made[kind] = id;
      continue;
    }
    const number = name.startsWith("budget.") || WHOLE.has(name);
    set(made, name, number ? Number(value) : value);
  }
  if (fork) made.fork = fork;
  return made;
}

function set(target, name, value) {
  const parts = name.split(".");
  const last = parts.pop();
  for (const part of parts) target = target[part] ??= {};
  target[last] = value;
}

function command(made, prefix = "") {
  return Object.entries(made).flatMap(([name, value]) =>
    typeof value === "object" ? command(value, `${prefix}${name}.`) : [`${prefix}${name}=${value}`]);
}

function show() {
  document.getElementById("command").textContent =
    `nasweave --server ${location.origin} run ${command(documentOf()).join(" ")}`;
}

function fill(values, prefix = "") {
  for (const [name, value] of Object.entries(values)) {
    if (value === null || name === "fork") continue;
    if (typeof value === "object" && !Array.isArray(value)) fill(value, `${prefix}${name}.`);
    else if (["task", "dataset"].includes(name) && !prefix) form.elements.data.value = `${name}:${value}`;
    else if (form.elements[`${prefix}${name}`]) form.elements[`${prefix}${name}`].value = value;
  }
}

form.addEventListener("input", show);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = document.getElementById("problem");
  problem.hidden = true;
  try {
    const run = await call("POST", "/runs", documentOf(), { "Idempotency-Key": crypto.randomUUID() });
    location.assign(`/runs/${run.key}`);
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    form.elements[error.parameter]?.focus();
  }
});
if (before) fill(before);
else form.elements["search.method"].value = "fidelities";
show();
