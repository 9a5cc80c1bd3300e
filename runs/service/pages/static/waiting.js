// What a run that is queued waits for: its place, and what machines lack that do not take it.

import { call } from "./api.js";
import { byId } from "./dom.js";

const PERIOD_MS = 3000;

export class Waiting {
  constructor(key) {
    this.key = key;
    this.isQueued = false;
  }

  setState(state) {
    const was = this.isQueued;
    this.isQueued = state === "queued";
    byId("waiting").hidden = !this.isQueued;
    if (this.isQueued && !was) this.ask();
  }

  async ask() {
    if (!this.isQueued) return;
    try {
      const run = await call("GET", `/runs/${this.key}`);
      const lacking = run.jobs.filter((job) => job.state === "queued").flatMap((job) => Object.entries(job.refusals));
      const words = [run.place && `Place ${run.place} in the queue`, ...lacking.map(([host, what]) => `${host} lacks ${what}`)];
      const said = words.filter(Boolean).join("; ");
      byId("waiting").textContent = said && `${said}.`;
    } catch { /* asked again in a moment */ }
    setTimeout(() => this.ask(), PERIOD_MS);
  }
}
