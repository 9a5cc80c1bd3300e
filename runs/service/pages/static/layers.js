// The picture of a network's layers: a row a layer, a box for what mixes positions and one for what mixes channels.
// Colours tell kinds apart, and each box says in words what it is, so nothing is told by colour alone.

import { element } from "./dom.js";

const COLOURS = 8;

// Kinds that are common have colours of their own; others take one by their letters, always the same.
const KNOWN = ["identity", "softmax", "linear", "pooling", "convolution", "mlp", "gated", "recurrent"];

function colour(name) {
  const at = KNOWN.indexOf(name);
  if (at >= 0) return at;
  let sum = 0;
  for (const letter of name) sum = (31 * sum + letter.charCodeAt(0)) % 997;
  return 1 + (sum % (COLOURS - 1));
}

const NUMERIC = (precision) => (precision && precision !== "float" ? precision : "");

const OPTIONS = (options) => Object.entries(options ?? {}).map(([name, value]) => `${name} ${value}`).join(", ");

export function layersOf(architecture, { compact = false } = {}) {
  const list = element("ol", { className: compact ? "layers compact" : "layers", "aria-label": "Layers" });
  for (const layer of architecture.layers) {
    const width = layer.num_heads ? `${layer.num_heads} head${layer.num_heads === 1 ? "" : "s"}` : "";
    list.append(element("li", {},
      box(layer.mixer, [width, OPTIONS(layer.mixer_options), NUMERIC(layer.mixer_precision)]),
      box(layer.channel_mixer, [
        layer.channel_mixer === "identity" ? "" : `ratio ${layer.ratio}`,
        OPTIONS(layer.channel_options),
        NUMERIC(layer.channel_precision),
      ])));
  }
  return list;
}

function box(name, details) {
  const words = details.filter(Boolean).join(", ");
  const node = element("span", { className: `box k${colour(name)}` }, element("b", {}, name));
  if (words) node.append(element("small", {}, ` ${words}`));
  return node;
}

export function headingOf(architecture) {
  const { embed_dim: width, layers } = architecture;
  return `${layers.length} layer${layers.length === 1 ? "" : "s"}${width ? `, ${width} channels` : ""}`;
}
