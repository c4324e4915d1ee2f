// The Map page: every window of every song as a point.

import { ask, latest, say } from "./api.js";
import { readState, writeState } from "./address.js";
import { growing, grey, scattered, wheel } from "./colours.js";
import { drawPanel } from "./panel.js";
import { PointMap } from "./points.js";
import { play } from "./synth.js";

const NEAR = 24;  // windows that the key l lists
const find = (id) => document.getElementById(id);
const state = { model: null, progress: null, songs: [], table: new Float32Array(), width: 1, places: "axes", colour: "song", playing: null };
let map;

async function start() {
  map = new PointMap(find("map"), { onHover: hover, onOpen: open, onLasso: list });
  state.model = await ask("/api/model");
  state.progress = await ask("/api/map");
  choices();
  const { places = "axes", colour = "song" } = readState();
  Object.assign(state, { places, colour });
  find("view").value = places;
  find("colour").value = colour;
  listen();
  await follow();
}

function choices() {
  const fill = (id, rows) => find(id).replaceChildren(...rows.map(([value, text]) => Object.assign(document.createElement("option"), { value, textContent: text })));
  const [x, y] = axisKinds();
  fill("view", [["axes", `${x.name} against ${y.name}`], ["content", "what no shift changes (PCA)"], ...(state.progress.umap === "missing" ? [] : [["umap", "what no shift changes (UMAP)"]])]);
  fill("colour", [["song", "song"], ["key", "key"], ["phase", `phase of ${y.name}`], ["density", "density"]]);
}

// The first line against the first circle that follows no line, or whatever there is.
function axisKinds() {
  const { kinds } = state.model;
  const line = kinds.find((k) => k.geometry === "line") ?? kinds[0];
  return [line, kinds.find((k) => k.geometry === "circle" && !k.follows) ?? kinds.find((k) => k !== line) ?? line];
}

// ------------------------------------------------------------------ progress

async function follow() {
  let shown = -1;
  for (;;) {
    state.progress = await ask("/api/map");
    tell();
    const { windows, done, total } = state.progress;
    const finished = done >= total;
    if (windows > 1.4 * shown || (finished && windows !== shown)) { await fetchPoints(shown > 0); shown = windows; }
    if (finished) break;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  document.body.dataset.shown = String(state.progress.windows);
  if (state.places === "umap") await embed();
}

// UMAP takes a while: it is begun when somebody wants to see it.
async function embed() {
  while (state.progress.umap !== "done" && state.progress.done >= state.progress.total && state.progress.windows) {
    find("message").textContent = "UMAP is being computed: its first import alone takes most of a minute…";
    state.progress = await ask("/api/map", { umap: 1 });
    if (state.progress.umap !== "done") await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  tell();
  await fetchPoints(false);
  document.body.dataset.umap = String(state.progress.columns.includes("umap 1"));
}

function tell() {
  const { done, total, windows, skipped, left_out: out } = state.progress;
  find("bar").hidden = done >= total;
  Object.assign(find("bar"), { value: done, max: Math.max(1, total) });
  const extra = [skipped ? `${skipped} songs could not be read` : "", out ? `${out.toLocaleString()} bars begin no window of ${state.model.window_steps} steps, or one of few notes` : ""].filter(Boolean);
  find("message").textContent = [`${windows.toLocaleString()} windows of ${done.toLocaleString()}${done < total ? ` of ${total.toLocaleString()}` : ""} songs`, ...extra].join(" · ");
  find("empty").hidden = total > 0 && (windows > 0 || done < total);
  if (!total) find("empty").textContent = "There are no songs to map: start softaxes explore with a folder of MIDI files.";
  else if (!windows) find("empty").textContent = `No song has a window of ${state.model.window_steps} steps.`;
}

async function fetchPoints(keepView) {
  const answer = await fetch("/api/map/points");
  state.table = new Float32Array(await answer.arrayBuffer());
  state.songs = await ask("/api/map/songs");
  state.width = state.progress.columns.length;
  show(keepView);
}

// ------------------------------------------------------------------ what is drawn

const column = (name) => state.progress.columns.indexOf(name);
const value = (row, name) => state.table[row * state.width + column(name)];

function values(name) {
  const at = column(name), result = new Float32Array(state.table.length / state.width);
  for (let i = 0; i < result.length; i++) result[i] = state.table[i * state.width + at];
  return result;
}

function show(keepView = false) {
  const content = state.places === "umap" && column("umap 1") >= 0 ? ["umap 1", "umap 2"] : ["content 1", "content 2"];
  const onAxes = state.places !== "content" && state.places !== "umap";
  const names = onAxes ? axisKinds().map((kind) => kind.name) : content;
  const units = onAxes ? axisKinds().map((kind) => `, ${kind.unit}`) : ["", ""];
  find("x-name").textContent = `${names[0]}${units[0]} →`;
  find("y-name").textContent = `↑ ${names[1]}${units[1]}`;
  map.show(values(names[0]), values(names[1]), colours(), keepView);
}

function colours() {
  const circle = axisKinds()[1], onsets = values("onsets"), most = Math.max(1, ...[...onsets].slice(0, 5000)), songs = values("song");
  const paint = {
    song: (i) => scattered(songs[i]),
    key: (i) => { const key = state.songs[songs[i]]?.[2] ?? -1; return key < 0 ? grey() : wheel(((key % 12) * 7 % 12) / 12); },
    phase: (() => { const phases = values(circle.name); return (i) => wheel(phases[i] / (circle.period ?? 12)); })(),
    density: (i) => growing(Math.min(1, onsets[i] / most)),
  }[state.colour];
  return Uint32Array.from({ length: onsets.length }, (_, i) => paint(i));
}

// ------------------------------------------------------------------ hover, open, lasso

const place = (row) => ({ song: state.songs[value(row, "song")], at: value(row, "start") });

const hover = latest(async (row, where) => {
  const card = find("card");
  if (row < 0) { card.hidden = true; return; }
  const { song, at } = place(row);
  const window = await ask("/api/window", { id: song[0], at });
  const pitches = window.notes.map((note) => note[2]);
  card.hidden = false;
  const wide = find("map").clientWidth;
  card.style.left = `${Math.max(0, Math.min(wide - 250, where[0] + 14))}px`;
  card.style.top = `${Math.max(0, where[1] > 170 ? where[1] - 150 : where[1] + 16)}px`;
  drawPanel(find("mini"), { notes: window.notes, steps: window.steps, lines: window.lines, beat: state.model.steps_per_beat, low: Math.min(...pitches) - 5, high: Math.max(...pitches) + 5, label: song[1], none: "" });
  find("card-text").textContent = `${song[1]}, ${window.place}`;
});

function open(row) {
  const { song, at } = place(row);
  location.href = `/?${new URLSearchParams({ song: song[0], at })}`;
}

function list(rows) {
  find("chosen").hidden = rows.length === 0;
  find("chosen-title").textContent = `${rows.length.toLocaleString()} windows${rows.length > 60 ? ", the first 60" : ""}`;
  find("list").replaceChildren(...rows.slice(0, 60).map((row) => {
    const { song, at } = place(row), item = document.createElement("li");
    const link = Object.assign(document.createElement("a"), { href: `/?${new URLSearchParams({ song: song[0], at })}`, textContent: `${song[1]} · step ${at}` });
    item.append(link);
    item.dataset.row = row;
    return item;
  }));
}

async function playAll() {
  if (state.playing) { state.playing.stop(); return; }
  const button = find("play-all");
  let ended = false;
  state.playing = { stop: () => { ended = true; } };
  button.setAttribute("aria-pressed", "true");
  for (const item of [...find("list").children]) {
    if (ended) break;
    const { song, at } = place(Number(item.dataset.row));
    const window = await ask("/api/window", { id: song[0], at });
    item.className = "playing";
    await new Promise((resolve) => {
      play(window.notes, { stepSeconds: 60 / window.bpm / state.model.steps_per_beat, steps: window.steps, onStep: (step) => { if (step === null) resolve(); } })
        .then(({ stop }) => { state.playing.stop = () => { ended = true; stop(); }; });
    });
    item.className = "";
  }
  state.playing = null;
  button.setAttribute("aria-pressed", "false");
}

function listen() {
  const choose = (name) => (event) => { state[name] = event.target.value; writeState({ places: state.places, colour: state.colour }, true); show(name === "colour"); if (state.places === "umap") embed().catch((error) => say(error.message)); };
  find("view").addEventListener("change", choose("places"));
  find("colour").addEventListener("change", choose("colour"));
  find("whole").addEventListener("click", () => map.whole());
  find("lasso").addEventListener("click", (event) => {
    map.lassoing = !map.lassoing;
    event.target.setAttribute("aria-pressed", String(map.lassoing));
    find("map").classList.toggle("lasso", map.lassoing);
  });
  find("play-all").addEventListener("click", () => playAll().catch((error) => say(error.message)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(true));
  find("map").addEventListener("keydown", (event) => { if (event.key === "l") map.catchNear(NEAR); });
  addEventListener("keydown", (event) => { if (event.key === "Escape") { state.playing?.stop(); list([]); map.chosen.clear(); map.draw(); } });
  addEventListener("popstate", () => { const { places = "axes", colour = "song" } = readState(); Object.assign(state, { places, colour }); find("view").value = places; find("colour").value = colour; show(); });
}

start().catch((error) => say(error.message, 60));
