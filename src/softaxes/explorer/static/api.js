// Questions to the server. Every error is one sentence, shown at the foot of the page.

export class Refused extends Error {
  constructor(message, status) { super(message); this.status = status; }
}

export async function ask(path, parameters = {}, options = {}) {
  let answer;
  try {
    answer = await fetch(address(path, parameters), options);
  } catch {
    throw new Refused("The server does not answer. Start softaxes explore again; this page goes on where it is.", 0);
  }
  const body = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (!answer.ok) throw new Refused(body.error ?? `the server answered ${answer.status}`, answer.status);
  return body;
}

export function address(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(given).toString();
  return query ? `${path}?${query}` : path;
}

let fading;
export function say(message, seconds = 6) {
  const place = document.getElementById("say");
  place.textContent = message;
  clearTimeout(fading);
  if (message) fading = setTimeout(() => { place.textContent = ""; }, 1000 * seconds);
}

// While one call runs, only the last of the calls that come in the meantime is kept: a slider never queues.
export function latest(work) {
  let running = false, waiting = null;
  return async function call(...given) {
    if (running) { waiting = given; return; }
    running = true;
    try {
      await work(...given);
    } catch (error) {
      say(error.message);
    } finally {
      running = false;
      if (waiting) { const next = waiting; waiting = null; call(...next); }
    }
  };
}
