// How far a run is: the step in work with the time that is left of it, and the time of the whole run where it has one.

import { byId, duration } from "./dom.js";

export class Progress {
  // `now_s`: the server's time when the page was made, for a browser's clock may be wrong; `budget_s` of the whole run.
  constructor({ now_s, budget_s, started_s }) {
    this.offset = now_s - Date.now() / 1000;
    Object.assign(this, { budget_s, started_s, isWhole: true, step: null, state: "queued" });
    setInterval(() => this.draw(), 1000);
  }

  now() { return Date.now() / 1000 + this.offset; }

  // `isWhole`: whether the job that started is the run itself, whose time is limited, or an export of it.
  setState(state, { started_s, isWhole } = {}) {
    this.state = state;
    if (started_s) Object.assign(this, { started_s, isWhole });
    if (state !== "running") this.step = null;
    this.draw();
  }

  told({ title, done, total, message }, time_s) {
    if (this.step?.title !== title || this.step.total !== total || done < this.step.done) this.step = { title, since: { done, time_s } };
    Object.assign(this.step, { done, total, message, time_s });
    this.draw();
  }

  left() {
    const { since, done, total, time_s } = this.step;
    if (done <= since.done || total <= done) return null;
    const rate = (done - since.done) / (time_s - since.time_s);
    return rate > 0 ? Math.max(0, (total - done) / rate - (this.now() - time_s)) : null;
  }

  draw() {
    const host = byId("progress");
    host.hidden = this.state !== "running";
    if (host.hidden) return;
    const bar = byId("progress-bar"), step = this.step;
    const name = step ? step.title[0].toUpperCase() + step.title.slice(1) : "Starting";
    byId("progress-title").textContent = step?.message && step.message !== step.title ? `${name}: ${step.message}` : name;
    if (step?.total) { bar.max = step.total; bar.value = Math.min(step.done, step.total); } else bar.removeAttribute("value");
    const left = step ? this.left() : null;
    const words = [];
    if (left !== null) words.push(left < 1 ? "this step is nearly done" : `about ${duration(left)} left of this step`);
    if (this.started_s) {
      const spent = Math.max(0, this.now() - this.started_s);
      words.push(this.budget_s && this.isWhole ? `${duration(spent)} of ${duration(this.budget_s)}` : `${duration(spent)} so far`);
    }
    byId("progress-left").textContent = words.join(" · ");
  }
}
