// Points on a canvas, for there may be ten thousand, and fronts above them in SVG, where each point is a button.
// One tab stop: arrow keys go along the front, Enter or Space chooses. Pointing at any point tells about it.

import { extent, text } from "./pareto.js";
import { scaleOf } from "./scale.js";

const NS = "http://www.w3.org/2000/svg";
const MARGIN = { left: 64, right: 18, top: 30, bottom: 46 };
const NEAR = 14; // pixels within which the pointer means a point

export class Chart {
  // `names`: the values on the axes, across and up; `known`: their labels and units; `choose(candidate)` on a click;
  // `tell(candidate, host)` fills the box that stands beside a point while one points at it.
  constructor(host, { names, known, choose, tell }) {
    Object.assign(this, { host, names, known, choose, tell });
    this.canvas = document.createElement("canvas");
    this.svg = node("svg", { role: "group", "aria-label": `${known[names[1]].label} against ${known[names[0]].label}` });
    this.frame = node("g", {}), this.lines = node("g", {}), this.points = node("g", {});
    this.svg.append(this.frame, this.lines, this.points);
    this.box = document.createElement("div");
    this.box.className = "tip";
    this.box.hidden = true;
    host.replaceChildren(this.canvas, this.svg, this.box);
    this.nodes = new Map();
    this.data = { all: [], inside: new Set(), fronts: [], chosen: null };
    new ResizeObserver(() => this.draw()).observe(host);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    host.addEventListener("pointermove", (event) => this.pointed(event));
    host.addEventListener("pointerleave", () => this.say(null));
    this.svg.addEventListener("click", (event) => { const c = this.nearest(event); if (c) this.choose(c); });
    this.points.addEventListener("keydown", (event) => this.key(event));
    host.addEventListener("keydown", (event) => { if (event.key === "Escape") this.say(null); });
  }

  // `fronts`: lists of candidates, each a line; `inside`: keys within the limits.
  show(data) {
    this.data = data;
    this.waiting ??= requestAnimationFrame(() => { this.waiting = null; this.draw(); });
  }

  draw() {
    const { all, inside, fronts, chosen, limits = {} } = this.data;
    const [across, up] = this.names;
    const width = this.host.clientWidth, height = this.host.clientHeight, dots = devicePixelRatio || 1;
    this.canvas.width = width * dots;
    this.canvas.height = height * dots;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const ranges = [extent(all, across), extent(all, up)];
    this.frame.replaceChildren();
    this.lines.replaceChildren();
    if (!ranges[0] || !ranges[1]) { this.points.replaceChildren(); this.nodes.clear(); return; }
    this.x = scaleOf(ranges[0], MARGIN.left, width - MARGIN.right);
    this.y = scaleOf(ranges[1], height - MARGIN.bottom, MARGIN.top);
    this.axes(width, height);
    this.limit(limits, width, height);
    const style = getComputedStyle(this.host), pen = this.canvas.getContext("2d");
    pen.scale(dots, dots);
    for (const [isInside, colour] of [[false, "--dot-out"], [true, "--dot"]]) {
      pen.fillStyle = style.getPropertyValue(colour);
      for (const c of all) {
        if (inside.has(c.key) !== isInside) continue;
        pen.beginPath();
        pen.arc(this.x(c.values[across]), this.y(c.values[up]), 2.6, 0, 7);
        pen.fill();
      }
    }
    fronts.forEach((front, n) => this.front(front, n));
    this.buttons(fronts, chosen);
  }

  axes(width, height) {
    const [across, up] = this.names, bottom = height - MARGIN.bottom;
    const most = Math.max(2, Math.floor(width / 90));
    const wide = this.x.ticks.length > most ? this.x.ticks.filter((_, n) => n % Math.ceil(this.x.ticks.length / most) === 0) : this.x.ticks;
    for (const value of wide) {
      this.frame.append(node("line", { x1: this.x(value), x2: this.x(value), y1: MARGIN.top, y2: bottom, class: "grid" }));
      this.write(this.x(value), bottom + 18, text(value, this.known[across].unit), "middle", "tick");
    }
    for (const value of this.y.ticks) {
      this.frame.append(node("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: this.y(value), y2: this.y(value), class: "grid" }));
      this.write(MARGIN.left - 8, this.y(value) + 4, text(value, this.known[up].unit), "end", "tick");
    }
    const name = (n, scale) => `${this.known[n].label}${scale.logarithmic ? " (logarithmic)" : ""}`;
    this.write(width - MARGIN.right, height - 8, `${name(across, this.x)} →`, "end", "axis");
    this.write(4, 16, `↑ ${name(up, this.y)}`, "start", "axis");
  }

  // Shade what the limits of the two axes leave out.
  limit(limits, width, height) {
    const [across, up] = this.names, right = width - MARGIN.right, bottom = height - MARGIN.bottom;
    const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
    if (limits[across] !== undefined && this.x(limits[across]) < right) {
      const x = clamp(this.x(limits[across]), MARGIN.left, right);
      this.frame.append(node("rect", { x, y: MARGIN.top, width: right - x, height: bottom - MARGIN.top, class: "beyond" }));
      this.frame.append(node("line", { x1: x, x2: x, y1: MARGIN.top, y2: bottom, class: "bound" }));
    }
    if (limits[up] !== undefined && this.y(limits[up]) > MARGIN.top) {
      const y = clamp(this.y(limits[up]), MARGIN.top, bottom);
      this.frame.append(node("rect", { x: MARGIN.left, y: MARGIN.top, width: right - MARGIN.left, height: y - MARGIN.top, class: "beyond" }));
      this.frame.append(node("line", { x1: MARGIN.left, x2: right, y1: y, y2: y, class: "bound" }));
    }
  }

  write(x, y, words, anchor, kind) {
    const written = node("text", { x, y, "text-anchor": anchor, class: kind });
    written.textContent = words;
    this.frame.append(written);
  }

  front(front, n) {
    const [across, up] = this.names;
    const points = front.map((c) => `${this.x(c.values[across])},${this.y(c.values[up])}`).join(" ");
    this.lines.append(node("polyline", { points, class: `front f${n % 6}` }));
  }

  // Buttons stay as they are while the front grows, so that nobody loses the focus.
  buttons(fronts, chosen) {
    const [across, up] = this.names, kept = new Set();
    const wanted = fronts.flatMap((front, n) => front.map((c) => [c, n]));
    for (const [c, n] of wanted) {
      const id = `${n}-${c.key}`;
      kept.add(id);
      const button = this.nodes.get(id) ?? node("circle", { role: "button", tabindex: -1 });
      const isChosen = c.key === chosen;
      set(button, {
        cx: this.x(c.values[across]), cy: this.y(c.values[up]), r: isChosen ? 8 : 5.5, "data-key": c.key,
        class: `point f${n % 6}${isChosen ? " chosen" : ""}`, "aria-pressed": isChosen, "aria-label": this.words(c),
      });
      button.candidate = c;
      if (!this.nodes.has(id)) {
        button.addEventListener("focus", () => this.say(c, button));
        button.addEventListener("blur", () => this.say(null));
      }
      this.nodes.set(id, button);
    }
    for (const [id, button] of this.nodes) if (!kept.has(id)) { button.remove(); this.nodes.delete(id); }
    const order = wanted.map(([c, n]) => this.nodes.get(`${n}-${c.key}`));
    order.forEach((button, n) => { if (this.points.children[n] !== button) this.points.insertBefore(button, this.points.children[n] ?? null); });
    const stop = order.find((b) => b === document.activeElement) ?? order.find((b) => b.candidate.key === chosen) ?? order[0];
    for (const button of order) button.setAttribute("tabindex", button === stop ? 0 : -1);
  }

  words(c) {
    return `Network ${c.key}: ${this.names.map((n) => `${this.known[n].label.toLowerCase()} ${text(c.values[n], this.known[n].unit)}`).join(", ")}`;
  }

  key(event) {
    const buttons = [...this.points.children], at = buttons.indexOf(event.target);
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -at, End: buttons.length - 1 - at };
    if (event.key === "Enter" || event.key === " ") this.choose(event.target.candidate);
    else if (event.key in steps) buttons[Math.min(Math.max(at + steps[event.key], 0), buttons.length - 1)].focus();
    else return;
    event.preventDefault();
  }

  nearest(event) {
    if (!this.x) return null;
    const bounds = this.host.getBoundingClientRect(), [across, up] = this.names;
    const px = event.clientX - bounds.left, py = event.clientY - bounds.top;
    let found = null, least = NEAR * NEAR;
    const look = (c, bonus) => {
      const far = (this.x(c.values[across]) - px) ** 2 + (this.y(c.values[up]) - py) ** 2 - bonus;
      if (far < least) { least = far; found = c; }
    };
    for (const c of this.data.all) look(c, 0);
    for (const c of this.data.fronts.flat()) look(c, 40);
    return found;
  }

  pointed(event) {
    const c = this.nearest(event);
    this.svg.classList.toggle("hit", c !== null);
    this.say(c);
  }

  say(candidate) {
    if (!candidate) { this.box.hidden = true; this.told = null; return; }
    if (this.told !== candidate.key) { this.told = candidate.key; this.tell?.(candidate, this.box); }
    this.box.hidden = !this.tell;
    const [across, up] = this.names, x = this.x(candidate.values[across]), y = this.y(candidate.values[up]);
    const { clientWidth: width, clientHeight: height } = this.host;
    const isRight = x > width / 2;
    this.box.style.left = isRight ? "auto" : `${x + 14}px`;
    this.box.style.right = isRight ? `${width - x + 14}px` : "auto";
    this.box.style.top = `${Math.max(0, Math.min(y - 20, height - this.box.offsetHeight))}px`;
  }
}

function node(kind, attributes) {
  const made = document.createElementNS(NS, kind);
  set(made, attributes);
  return made;
}

function set(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) target.setAttribute(name, value);
}
