// Budgets and fronts, computed where they are looked at. All objectives are minimised. Pure: no document.

// Candidates that were evaluated on all examples and have values of all names: the others stand on no front.
export function judged(candidates, names) {
  return candidates.filter((c) => c.state === "complete" && !(c.values.validation_fraction < 1) && names.every((name) => name in c.values));
}

// Candidates within all limits, {name: largest value}; one that lacks a limited value is not within.
export function within(candidates, limits) {
  const names = Object.keys(limits);
  return candidates.filter((c) => names.every((name) => c.values[name] <= limits[name]));
}

// The judged candidates that no other dominates, sorted by the last objective; of equal ones the first stands there.
export function front(candidates, objectives) {
  const order = [...objectives].reverse();
  const sorted = candidates.toSorted((a, b) => {
    for (const o of order) if (a.values[o] !== b.values[o]) return a.values[o] - b.values[o];
    return 0;
  });
  const kept = [];
  if (objectives.length === 2) {
    let best = Infinity;
    for (const c of sorted) if (c.values[objectives[0]] < best) { best = c.values[objectives[0]]; kept.push(c); }
    return kept;
  }
  for (const c of sorted) {
    const beaten = kept.some((k) => objectives.every((o) => k.values[o] <= c.values[o]));
    if (!beaten) kept.push(c);
  }
  return kept;
}

// The one to take: the least of the first objective; the next objectives decide between equals.
export function best(candidates, objectives) {
  return candidates.reduce((a, b) => {
    if (a === null) return b;
    for (const o of objectives) if (a.values[o] !== b.values[o]) return a.values[o] < b.values[o] ? a : b;
    return a;
  }, null);
}

export function extent(candidates, name) {
  let low = Infinity, high = -Infinity;
  for (const c of candidates) {
    const value = c.values[name];
    if (value === undefined) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

// The part of the plane that a front of two objectives dominates, up to a corner that is worse than all.
export function hypervolume(line, [first, second], corner) {
  let area = 0, before = corner[first];
  for (const c of line) { // sorted by the second objective: the first falls
    if (c.values[second] > corner[second] || c.values[first] > before) continue;
    area += (before - c.values[first]) * (corner[second] - c.values[second]);
    before = c.values[first];
  }
  return area;
}

const STEPS = { bytes: [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"], [1, "B"]], count: [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]] };

export function text(value, unit) {
  if (value === undefined || value === null) return "—";
  if (unit === "%") return `${Number(value.toPrecision(3)).toFixed(Math.abs(value) < 1 && value ? 2 : 1)} %`;
  if (unit in STEPS) {
    const [size, name] = STEPS[unit].find(([s]) => Math.abs(value) >= s) ?? STEPS[unit].at(-1);
    return `${Number((value / size).toPrecision(3))} ${name}`.trim();
  }
  return `${Number(value.toPrecision(3))} ${unit}`.trim();
}
