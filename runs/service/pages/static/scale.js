// Scales of a picture's axes. Pure: no document.

const FAR = 8; // times between the least and the largest value, from which ratios tell more than differences

export const isFar = ([low, high]) => low > 0 && high / low >= FAR;

// From values to places: logarithmic where all values are positive and far apart.
export function scaleOf([low, high], begin, end) {
  const logarithmic = isFar([low, high]);
  const forward = logarithmic ? Math.log : (value) => value;
  const span = forward(high) - forward(low) || Math.abs(forward(high)) || 1;
  const from = forward(low) - 0.06 * span, size = 1.12 * span;
  const place = (value) => begin + ((forward(value) - from) / size) * (end - begin);
  return Object.assign(place, { logarithmic, ticks: logarithmic ? decades(low, high) : rounded(low, high) });
}

function rounded(low, high, wanted = 4) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((s) => s * power >= rough) * power;
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high; n++) found.push(n * step);
  return found;
}

function decades(low, high) {
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const step of steps) found.push(step * 10 ** power);
    }
    const shown = found.filter((value) => value >= low / 1.1 && value <= high * 1.1);
    if (shown.length <= 7) return shown;
  }
  return [low, high];
}
