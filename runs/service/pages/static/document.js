// What is filled into a form becomes a document of a run: a key for every field that says something.

export function documentOf(form) {
  const made = {};
  for (const field of form.elements) {
    if (!field.name || field.closest("[hidden]") || field.disabled) continue;
    const value = valueOf(field);
    if (value === undefined) continue;
    if (field.name === "data") {
      const [kind, id] = value.split(":");
      made[kind] = id;
    } else set(made, field.name, value);
  }
  return made;
}

// What a field holds, by the kind that the schema gives it; undefined where it says nothing.
function valueOf(field) {
  const { kind } = field.dataset;
  if (kind === "boolean") return String(field.checked) === field.dataset.default ? undefined : field.checked;
  if (kind === "several") {
    const chosen = [...field.selectedOptions].map((option) => option.value);
    return chosen.length ? chosen : undefined;
  }
  const words = field.value.trim();
  if (words === "" || words === field.dataset.default) return undefined;
  if (kind === "numbers") return words.split(/[\s,]+/).filter(Boolean).map(Number);
  return kind === "number" ? Number(words) : words;
}

function set(target, name, value) {
  const parts = name.split("."), last = parts.pop();
  for (const part of parts) target = target[part] ??= {};
  target[last] = value;
}
