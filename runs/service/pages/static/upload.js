// Data of one's own: a file is sent as it is, and what it was understood to be is shown.

import { call } from "./api.js";
import { byId, element } from "./dom.js";

// Give the form of an upload its work; `done(name, task)` is called for each that was taken. No form, nothing to do.
export function uploads(done) {
  if (!byId("upload")) return;
  byId("upload-file").addEventListener("change", () => {
    const file = byId("upload-file").files[0];
    if (file && !byId("upload-name").value) byId("upload-name").value = file.name.replace(/\.[^.]*$/, "").replace(/[^\w.-]+/g, "_");
  });
  byId("upload-send").addEventListener("click", async () => {
    const file = byId("upload-file").files[0];
    const most = Number(byId("upload").dataset.bytes);
    warn(!file ? "Choose a file first." : file.size > most ? `The file has ${file.size} bytes; at most ${most} are taken.` : null);
    byId("upload-facts").replaceChildren();
    if (!file || file.size > most) return;
    const query = new URLSearchParams({
      name: byId("upload-name").value, task: byId("upload-task").value, kind: file.name.split(".").at(-1).toLowerCase(),
      options: JSON.stringify(optionsOf(byId("upload-options").value)),
    });
    byId("upload-send").disabled = true;
    byId("upload-status").textContent = "Sending and reading it …";
    try {
      const { name, task, facts, notes } = await call("POST", `/datasets?${query}`, file);
      byId("upload-status").textContent = `${name} is there, and chosen.`;
      const told = [...Object.entries(facts).map(([what, words]) => `${what}: ${words}`), ...notes];
      byId("upload-facts").replaceChildren(...told.map((words) => element("li", {}, words)));
      done(name, task);
    } catch (error) {
      byId("upload-status").textContent = "";
      warn(error.message);
    }
    byId("upload-send").disabled = false;
  });
}

function warn(words) {
  byId("upload-problem").hidden = !words;
  byId("upload-problem").textContent = words ?? "";
}

// "label=price;fold=2" is {label: "price", fold: 2}.
function optionsOf(text) {
  return Object.fromEntries(text.split(";").filter((word) => word.trim()).map((word) => {
    const [name, ...rest] = word.split("="), value = rest.join("=").trim();
    const plain = { true: true, false: false }[value] ?? (value !== "" && Number.isFinite(Number(value)) ? Number(value) : value);
    return [name.trim(), plain];
  }));
}
