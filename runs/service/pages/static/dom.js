// Small things that every page needs: elements, messages, copying, times in words.

export const byId = (id) => document.getElementById(id);

// An element with a class and children, which are elements or texts.
export function element(kind, { className, ...attributes } = {}, ...children) {
  const node = document.createElement(kind);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

// Show what went wrong, or nothing.
export function problem(words) {
  const node = byId("problem");
  node.hidden = !words;
  node.textContent = words ?? "";
}

export async function attempt(action) {
  problem(null);
  try { return await action(); } catch (error) { problem(error.message); return undefined; }
}

let timer = null;

// Say something in passing, to screen readers too.
export function toast(words) {
  const node = byId("toast");
  node.textContent = words;
  node.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => { node.classList.remove("shown"); node.textContent = ""; }, 3000);
}

// Give every <button data-copy="ID"> its work: the text of that element goes to the clipboard.
export function copyButtons() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", async () => {
      const source = byId(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
        toast("Copied");
      } catch {
        getSelection().selectAllChildren(source);
        toast("Selected: copy it with the keyboard");
      }
    });
  }
}

// 75 is "1 min 15 s".
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 && whole < 600 ? ` ${whole % 60} s` : ""}`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
