// The address bar is the page's memory: a view can be reloaded, shared, and left with the back button.

export function readState() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

// `step` true: the back button returns to what was before; false: the current entry is rewritten (while dragging).
export function writeState(values, step = false) {
  const kept = Object.entries(values).filter(([, v]) => v !== undefined && v !== null && v !== "" && v !== 0);
  const query = new URLSearchParams(kept).toString();
  const next = query ? `?${query}` : location.pathname;
  if (next === (location.search || location.pathname)) return;
  history[step ? "pushState" : "replaceState"](null, "", next);
}
