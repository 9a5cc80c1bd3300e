// Several runs beside each other: their fronts in one picture, and how much of it each dominates.

import { call, state } from "./api.js";
import { Chart } from "./chart.js";
import { attempt, byId, element } from "./dom.js";
import { headingOf, layersOf } from "./layers.js";
import { best, extent, front, hypervolume, judged, text, within } from "./pareto.js";

const { runs, objectives, known } = state();
const unit = (name) => known[name].unit;
const axes = [objectives[1], objectives[0]];
const owners = new Map(); // run of a candidate

const chart = new Chart(byId("chart"), {
  names: axes, known,
  choose: (c) => location.assign(`/runs/${owners.get(c).key}`),
  tell: async (c, box) => {
    const run = owners.get(c);
    const words = axes.map((name) => element("div", {}, `${known[name].label}: ${text(c.values[name], unit(name))}`));
    box.replaceChildren(element("b", {}, run.name), ...words);
    const { architecture } = await call("GET", `/runs/${run.key}/candidates/${c.key}`);
    if (chart.told === c.key) box.append(element("div", { className: "muted" }, headingOf(architecture)), layersOf(architecture, { compact: true }));
  },
});

async function load(run) {
  const all = [];
  for (let part; (part = await call("GET", `/runs/${run.key}/candidates?after=${all.at(-1)?.change ?? 0}`)).length;) all.push(...part);
  const usable = judged(all, objectives);
  for (const c of usable) owners.set(c, run);
  return { run, usable, line: front(usable, objectives) };
}

await attempt(async () => {
  const loaded = await Promise.all(runs.map(load));
  const all = loaded.flatMap(({ usable }) => usable);
  byId("chart-empty").hidden = all.length > 0;
  chart.show({ all, inside: new Set(all.map((c) => c.key)), fronts: loaded.map(({ line }) => line), chosen: null });
  const corner = Object.fromEntries(objectives.map((o) => [o, extent(all, o)?.[1] ?? 1]));
  const areas = loaded.map(({ line }) => hypervolume(line, objectives, corner));
  const most = Math.max(...areas);
  loaded.forEach(({ run, usable, line }, n) => {
    const row = document.querySelector(`tr[data-key="${run.key}"]`);
    const chosen = best(within(usable, run.budget), objectives);
    const cells = [String(usable.length), String(line.length),
      ...objectives.map((o) => (chosen ? text(chosen.values[o], unit(o)) : "none within its budget")),
      most > 0 ? `${((100 * areas[n]) / most).toFixed(0)} %` : "—"];
    row.append(...cells.map((words) => element("td", { className: "number" }, words)));
  });
});
