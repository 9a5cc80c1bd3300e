"use strict";
const figures = JSON.parse(document.getElementById("figures").textContent);
const config = { displaylogo: false, showSendToCloud: false, plotlyServerURL: "", displayModeBar: window.innerWidth > 640 ? "hover" : false, doubleClick: "reset+autosize", modeBarButtonsToRemove: ["select2d", "lasso2d", "toImage"] };
const sizes = new ResizeObserver((entries) => entries.forEach((entry) => Plotly.Plots.resize(entry.target)));
function draw(id, figure) {
  const place = document.getElementById(id);
  if (place && figure) Plotly.react(place, figure.data, figure.layout, config).then(() => sizes.observe(place));
}
draw("front", figures.front[0]);
for (const id of ["hypervolume", "measured", "confusion", "sensitivity", "training"]) draw(id, figures[id]);
const view = document.getElementById("view");
if (view) view.addEventListener("change", () => draw("front", figures.front[Number(view.value)]));

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const sort = (column) => {
    const down = heads[column].getAttribute("aria-sort") === "ascending";
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => {
      const cell = row.cells[column];
      if (cell.dataset.sort === undefined) return cell.textContent;
      return cell.dataset.sort === "inf" ? Infinity : Number(cell.dataset.sort);
    };
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      return x === y ? 0 : x < y ? -1 : 1;
    });
    if (down) rows.reverse();
    table.tBodies[0].append(...rows);
  };
  heads.forEach((head, column) => {
    head.addEventListener("click", () => sort(column));
    head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(column); });
  });
}

for (const button of document.querySelectorAll(".key")) {
  button.addEventListener("click", async () => {
    const command = `${document.body.dataset.export} key=${button.dataset.key}`;
    try {
      await navigator.clipboard.writeText(command);
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 1200);
    } catch { window.prompt("export command", command); }
  });
}
