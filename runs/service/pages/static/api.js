// Requests to the service. A refusal is thrown as a Refusal, which has its four parts.

export class Refusal extends Error {
  constructor(status, { parameter, expected, got, remedy }) {
    super(`${parameter}: expected ${expected}, got ${got}; ${remedy}`);
    Object.assign(this, { status, parameter, expected, got, remedy });
  }
}

export async function call(method, path, body, headers = {}) {
  const options = { method, headers: { ...headers } };
  if (body instanceof File) {
    options.body = body;
    options.headers["Content-Type"] = "application/octet-stream";
  } else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, options);
  } catch {
    throw new Refusal(0, {
      parameter: "server", expected: "an answer", got: "none", remedy: "is it running? try again",
    });
  }
  if (answer.status === 204) return null;
  const data = await answer.json();
  if (!answer.ok) throw new Refusal(answer.status, data);
  return data;
}

export const state = () => JSON.parse(document.getElementById("state").textContent);

// Follow a run: `happened(event)` and `candidates(list)` are called in order; the browser comes back by itself, and the
// server then sends what was missed.
export function follow(key, { happened, candidates, lost, back }) {
  const source = new EventSource(`/api/v1/runs/${key}/events`);
  source.addEventListener("happened", (event) => happened(JSON.parse(event.data)));
  source.addEventListener("candidates", (event) => candidates(JSON.parse(event.data)));
  source.addEventListener("error", () => lost?.());
  source.addEventListener("open", () => back?.());
  return source;
}
