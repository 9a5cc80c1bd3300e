// A device of one's own: its bundle is written and downloaded, and what it measured is sent back.

import { call } from "./api.js";
import { documentOf } from "./document.js";
import { byId, element, problem } from "./dom.js";

const form = byId("own");
const PERIOD_MS = 1000;

byId("bundle")?.addEventListener("click", () => working(byId("bundle"), "bundle-status", async (say) => {
  const began = Date.now();
  let bundle = await call("POST", "/bundles", { document: documentOf(form) });
  while (bundle.state === "running") {
    say(`Writing it, ${Math.round((Date.now() - began) / 1000)} s so far …`);
    await new Promise((done) => setTimeout(done, PERIOD_MS));
    bundle = await call("GET", `/bundles/${bundle.key}`);
  }
  if (bundle.state === "failed") {
    const { parameter, expected, got, remedy } = bundle.reason;
    throw new Error(`${parameter}: expected ${expected}, got ${got}; ${remedy}`);
  }
  const size = (bundle.size_bytes / 1e6).toFixed(1);
  say(element("a", { href: `/api/v1/bundles/${bundle.key}.zip` }, `Download it (${size} MB)`));
}));

byId("results-send")?.addEventListener("click", () => working(byId("results-send"), "results-status", async (say) => {
  const file = byId("results").files[0];
  if (!file) throw new Error("Choose the file results.jsonl first.");
  say("Sending and checking it …");
  const made = await call("POST", "/devices", { document: documentOf(form), results: await file.text() });
  say(`${made.device} has a profile now, ${made.id}: `, element("a", { href: `/new?device=${encodeURIComponent(made.id)}` }, "search for it"), ".");
}));

// Do what a button is for, once at a time, and say beside it how it goes; a refusal stands in the page's own place.
async function working(button, status, action) {
  const say = (...words) => byId(status).replaceChildren(...words);
  problem(null);
  button.disabled = true;
  try {
    await action(say);
  } catch (error) {
    say();
    problem(error.message);
  }
  button.disabled = false;
}
