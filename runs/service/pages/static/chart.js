// Points on a canvas, for there may be ten thousand, and the front above them in SVG, where each point is a button.

import { extent, text } from "./pareto.js";

const NS = "http://www.w3.org/2000/svg";
const MARGIN = { left: 56, right: 16, top: 12, bottom: 40 };

export class Chart {
  // `names`: the values on the axes, across and up; `known`: their labels and units; `choose(candidate)` on a click.
  constructor(host, { names, known, choose }) {
    Object.assign(this, { host, names, known, choose });
    this.canvas = document.createElement("canvas");
    this.svg = document.createElementNS(NS, "svg");
    this.svg.setAttribute("role", "group");
    this.svg.setAttribute("aria-label", `${known[names[1]].label} against ${known[names[0]].label}`);
    host.replaceChildren(this.canvas, this.svg);
    new ResizeObserver(() => this.draw()).observe(host);
    this.data = { all: [], inside: new Set(), front: [], chosen: null };
  }

  show(data) {
    this.data = data;
    this.waiting ??= requestAnimationFrame(() => { this.waiting = null; this.draw(); });
  }

  draw() {
    const { all, inside, front, chosen } = this.data;
    const [across, up] = this.names;
    const width = this.host.clientWidth, height = this.host.clientHeight, scale = devicePixelRatio || 1;
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren();
    const ranges = [extent(all, across), extent(all, up)];
    if (!ranges[0] || !ranges[1]) return;
    const x = scaleOf(ranges[0], MARGIN.left, width - MARGIN.right);
    const y = scaleOf(ranges[1], height - MARGIN.bottom, MARGIN.top);
    const style = getComputedStyle(this.host);
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    for (const [isInside, colour] of [[false, "--faint"], [true, "--muted"]]) {
      pen.fillStyle = style.getPropertyValue(colour);
      for (const c of all) {
        if (inside.has(c.key) !== isInside) continue;
        pen.fillRect(x(c.values[across]) - 2, y(c.values[up]) - 2, 4, 4);
      }
    }
    this.axes(ranges, x, y, width, height);
    this.line(front, x, y);
    for (const c of front) this.point(c, x(c.values[across]), y(c.values[up]), c.key === chosen);
  }

  axes([across, up], x, y, width, height) {
    for (const value of ticks(across)) this.label(x(value), height - MARGIN.bottom + 16, value, this.names[0], "middle");
    for (const value of ticks(up)) this.label(MARGIN.left - 8, y(value) + 4, value, this.names[1], "end");
    this.title((MARGIN.left + width) / 2, height - 6, this.names[0], "middle");
    this.title(4, 10, this.names[1], "start");
  }

  label(x, y, value, name, anchor) { this.write(x, y, text(value, this.known[name].unit), anchor, "tick"); }

  title(x, y, name, anchor) { this.write(x, y, this.known[name].label, anchor, "axis"); }

  write(x, y, words, anchor, kind) {
    const node = this.add("text", { x, y, "text-anchor": anchor, class: kind });
    node.textContent = words;
  }

  line(front, x, y) {
    const [across, up] = this.names;
    const points = front.map((c) => `${x(c.values[across])},${y(c.values[up])}`).join(" ");
    this.add("polyline", { points, class: "front" });
  }

  point(candidate, cx, cy, isChosen) {
    const words = this.names.map((n) => `${this.known[n].label} ${text(candidate.values[n], this.known[n].unit)}`);
    const node = this.add("circle", {
      cx, cy, r: isChosen ? 7 : 5, class: isChosen ? "point chosen" : "point", tabindex: 0, role: "button",
      "aria-label": words.join(", "), "aria-pressed": isChosen, "data-key": candidate.key,
    });
    node.addEventListener("click", () => this.choose(candidate));
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); this.choose(candidate); }
    });
  }

  add(kind, attributes) {
    const node = document.createElementNS(NS, kind);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    this.svg.append(node);
    return node;
  }
}

function scaleOf([low, high], begin, end) {
  const span = high - low || Math.abs(high) || 1;
  const from = low - 0.05 * span, size = 1.1 * span;
  return (value) => begin + ((value - from) / size) * (end - begin);
}

function ticks([low, high], wanted = 4) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((s) => s * power >= rough) * power;
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high; n++) found.push(n * step);
  return found;
}
