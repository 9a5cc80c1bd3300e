// A slider for each value that may be limited; its far right end is no limit.

import { element } from "./dom.js";
import { extent, text } from "./pareto.js";
import { isFar } from "./scale.js";

const STEPS = 1000;

export class Limits {
  // `order`: the names, of which the `first` ones are shown at once, and those that are limited from the beginning;
  // `limits` is changed in place, and `changed()` called, when a slider moves.
  constructor(host, { known, order, first, limits, changed }) {
    Object.assign(this, { known, order, limits, changed, controls: new Map() });
    this.rest = element("div", {});
    const more = element("details", { className: "more" }, element("summary", {}, "More limits"), this.rest);
    this.main = element("div", {});
    this.isMain = new Set(order.filter((name, n) => n < first || name in limits));
    host.append(this.main, more);
  }

  // Follow the candidates: a slider reaches from the least of a value to the largest.
  update(all) {
    for (const name of this.order) {
      const range = extent(all, name);
      if (!range || range[0] === range[1]) continue;
      const control = this.controls.get(name) ?? this.add(name);
      control.range = range;
      this.show(control);
    }
  }

  add(name) {
    const id = `limit-${name}`;
    const input = element("input", { type: "range", id, min: 0, max: STEPS, step: 1 });
    const output = element("output", { for: id });
    const control = { name, input, output, range: [0, 1] };
    input.addEventListener("input", () => {
      const part = Number(input.value) / STEPS;
      if (part >= 1) delete this.limits[name];
      else this.limits[name] = value(control.range, part);
      this.changed();
    });
    (this.isMain.has(name) ? this.main : this.rest).append(element("div", { className: "limit" }, element("label", { for: id }, this.known[name].label), input, output));
    this.controls.set(name, control);
    return control;
  }

  show({ name, input, output, range }) {
    const limit = this.limits[name];
    if (document.activeElement !== input || limit === undefined) {
      input.value = limit === undefined ? STEPS : Math.round(STEPS * part(range, limit));
    }
    if (limit === undefined) delete input.dataset.limit; else input.dataset.limit = limit;
    output.textContent = limit === undefined ? "no limit" : `≤ ${text(limit, this.known[name].unit)}`;
    input.setAttribute("aria-valuetext", limit === undefined ? "no limit" : `at most ${text(limit, this.known[name].unit)}`);
  }
}

// Far ranges are divided by ratios, as the picture's axes are.
function value([low, high], part) {
  return isFar([low, high]) ? low * (high / low) ** part : low + part * (high - low);
}

function part([low, high], limit) {
  const inside = Math.min(Math.max(limit, low), high);
  return isFar([low, high]) ? Math.log(inside / low) / Math.log(high / low) : (inside - low) / (high - low);
}
