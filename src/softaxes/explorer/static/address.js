// The address bar is the page's memory: a view can be reloaded, shared, and left with the back button.

const PAUSE = 60;  // ms between two rewrites: browsers refuse more than 200 in ten seconds, and a drag has many
let last = 0, waiting = null, timer;

export function readState() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

// `step` true: the back button returns to what was before; false: the current entry is rewritten (while dragging).
export function writeState(values, step = false) {
  const kept = Object.entries(values).filter(([, v]) => v !== undefined && v !== null && v !== "" && v !== 0);
  const query = new URLSearchParams(kept).toString(), next = query ? `?${query}` : location.pathname;
  if (step) { flush(); write("pushState", next); return; }
  waiting = next;
  clearTimeout(timer);
  const rest = last + PAUSE - performance.now();
  if (rest <= 0) flush(); else timer = setTimeout(flush, rest);
}

function flush() {
  if (waiting !== null) write("replaceState", waiting);
  waiting = null;
}

function write(how, next) {
  if (next === (location.search || location.pathname)) return;
  history[how](null, "", next);
  last = performance.now();
}

addEventListener("pagehide", flush);
addEventListener("popstate", () => { waiting = null; clearTimeout(timer); });
