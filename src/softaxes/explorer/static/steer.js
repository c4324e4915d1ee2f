// The Steer page: a song, a window of it, the sliders, and what comes of them.

import { address, ask, latest, say } from "./api.js";
import { readState, writeState } from "./address.js";
import { buildDials } from "./dials.js";
import { drawPanel, movePlayhead } from "./panel.js";
import { SongRoll } from "./roll.js";
import { buildSlider, buildSliders } from "./sliders.js";
import { buildSongs, invite } from "./songs.js";
import { play } from "./synth.js";

const find = (id) => document.getElementById(id);
const view = { model: null, song: null, at: 0, second: null, answer: null };
let roll, songs, sliders, blend, second, showDials, playing = null;

async function start() {
  roll = new SongRoll(find("roll"), { onWindow: (at) => chooseWindow(at, true), onSecond: (at) => chooseSecond(at) });
  view.model = await ask("/api/model");
  sliders = buildSliders(find("sliders"), view.model.kinds, edited, grabbed);
  blend = buildBlend();
  showDials = buildDials(find("dials"), view.model.kinds);
  songs = buildSongs(view.model.max_bytes, async (id) => { await openSong(id); remember(true); steer(); });
  listen();
  await songs.list();
  await restore();
}

// ------------------------------------------------------------------ songs

async function openSong(id, at = null) {
  stop();
  view.song = await songs.open(id);
  view.second = null;
  roll.open(view.song, view.model.window_steps);
  setWindow(at ?? firstWindow());
}

// The first bar in which a note begins.
function firstWindow() {
  const begins = ([start, steps]) => view.song.notes.some(([onset]) => onset >= start && onset < start + steps);
  return (view.song.bars.find(begins) ?? [0])[0];
}

// ------------------------------------------------------------------ window and sliders

function setWindow(at) {
  view.at = Math.max(0, Math.min(at, view.song.length_steps - 1));
  roll.choose(view.at, view.second);
  const bar = roll.barOf(view.at);
  find("place").textContent = `window: ${view.model.window_steps} steps from bar ${roll.barName(bar)} of ${roll.barName(view.song.bars.length - 1)}`;
  [second.min, second.max] = [view.song.first_bar, roll.barName(view.song.bars.length - 1)];
}

function chooseWindow(at, step) { setWindow(at); remember(step); steer(); }

function chooseSecond(at) {
  view.second = at;
  second.value = roll.barName(roll.barOf(at));
  if (Number(blend.input.value) === 0) { blend.input.value = 50; blend.refresh(); }
  chooseWindow(view.at, true);
}

function buildBlend() {
  const row = buildSlider(find("sliders"), { name: "blend", min: 0, max: 100, show: (v) => [`${v} %`, "of bar"] }, (done) => {
    if (view.song && view.second === null) view.second = view.song.bars[Math.max(0, Number(second.value) - view.song.first_bar)]?.[0] ?? 0;
    if (view.song) roll.choose(view.at, view.second);
    edited(done);
  });
  second = Object.assign(document.createElement("input"), { type: "number", min: 1, value: 1, className: "second" });
  second.setAttribute("aria-label", "bar of the second window");
  second.addEventListener("change", () => { const bar = view.song?.bars[Number(second.value) - view.song.first_bar]; if (bar) chooseSecond(bar[0]); });
  const paint = row.refresh;
  row.refresh = () => { paint(); row.output.append(" ", second); };
  row.input.addEventListener("input", () => row.output.append(" ", second));
  row.refresh();
  return row;
}

function edited(done) { remember(false); if (view.song) steer(done); }

// The server computes what this slider may ask for; where it was taken hold of before, from here, that is done.
let grabbedFrom = "";
function grabbed(kind) {
  if (!view.song) return;
  const asked = { ...question(), kind }, from = address("", { ...asked, [kind]: undefined });
  if (from === grabbedFrom) return;
  grabbedFrom = from;
  ask("/api/steer/ahead", asked).catch(() => { grabbedFrom = ""; });  // dragging works without, only slower
}

const amounts = () => ({ ...sliders.get(), ...(view.second === null ? {} : { with: view.second, blend: Number(blend.input.value) / 100 }) });
const question = () => ({ id: view.song.id, at: view.at, ...amounts() });

function remember(step) {
  if (view.song) writeState({ song: view.song.id, at: view.at, ...amounts() }, step);
}

async function restore() {
  const { song, at, with: other, blend: share = 0, ...rest } = readState();
  sliders.set(rest);
  const id = song ?? songs.first();
  if (!id) return invite("Drop a MIDI file here, or open one with the button above.");
  try {
    await openSong(id, at === undefined ? null : Number(at));
  } catch (error) {
    say(error.message, 12);
    return invite(`${error.message}. Drop a MIDI file here, or choose a song above.`);
  }
  blend.input.value = 100 * Number(share);
  if (other !== undefined) { view.second = Number(other); second.value = roll.barOf(view.second) + 1; roll.choose(view.at, view.second); }
  blend.refresh();
  steer();
}

// ------------------------------------------------------------------ the edit

const steer = latest(async () => {
  const asked = question();
  const answer = await songs.again(asked.id, () => ask("/api/steer", asked));
  view.answer = answer;
  showEdit(answer);
  showDials(answer.coordinates);
  showFigures(answer.figures);
  for (const which of ["decoded", "truth"]) {
    const link = find(`save-${which}`), there = answer[which] !== null;
    link.href = there ? address("/api/midi", { ...asked, which }) : "#";
    link.setAttribute("aria-disabled", String(!there));
    find(`play-${which}`).disabled = !there;
  }
  document.body.dataset.shown = address("", asked);  // what the picture shows, for tests and benchmarks
});

function showEdit(answer) {
  const { decoded, truth, steps, lines } = answer;
  const reach = view.model.kinds.find((kind) => kind.name === "pitch")?.reach ?? 12;
  const own = answer.window.map((note) => note[2]), seen = [...decoded, ...(truth ?? [])].map((note) => note[2]);
  const low = Math.max(0, Math.min(...own.map((p) => p - reach - 1), ...seen, 72)), high = Math.min(127, Math.max(...own.map((p) => p + reach + 1), ...seen, 60));
  const beat = view.song.beats[roll.barOf(view.at)] ?? 4;
  const shared = { steps, lines, beat, low, high };
  const missing = (truth ?? []).filter((note) => note[3] === "missing");
  drawPanel(find("decoded"), { ...shared, notes: [...missing, ...decoded], label: `decoded: ${decoded.length} notes, ${missing.length} missing`, none: decoded.length ? "" : "the decoder draws no note here" });
  const none = truth === null ? "no such edit exists in music: nothing to compare with" : truth.length ? "" : "nothing sounds here";
  drawPanel(find("truth"), { ...shared, notes: truth ?? [], label: truth ? `true edit: ${truth.length} notes` : none, none });
}

function showFigures({ f1, oracle, ceiling, error }) {
  const rows = [
    ["note F1", f1, "notes begun at the right pitch and step; 1 is all of them and no other"],
    ["oracle", oracle, "the same for the window's own notes moved in a circle: the best that anything can do that sees one window"],
    ["ceiling", ceiling, "the same for the true edit, encoded and decoded"],
    ["relative error", error, "how far the steered latent is from that of the true edit; 1 is what doing nothing costs"],
  ];
  find("figures").replaceChildren(...rows.map(([name, value, meaning]) => {
    const row = Object.assign(document.createElement("div"), { title: meaning });
    row.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value === null ? "–" : value.toFixed(2) }));
    return row;
  }));
}

// ------------------------------------------------------------------ playing

async function hear(what) {
  const before = playing?.what;
  stop();
  if (before === what || !view.song) return;
  const bpm = view.answer?.bpm ?? 120, stepSeconds = 60 / bpm / view.model.steps_per_beat, steps = view.answer?.steps;
  if (what === "song") {
    const onStep = (step) => { roll.showPlayhead(step); if (step === null) quiet(); };
    playing = { what, ...(await play(view.song.notes, { stepSeconds, from: view.at, steps: view.song.length_steps, onStep })) };
  } else if (view.answer?.[what]) {
    const onStep = (step) => { movePlayhead(find(what), step, steps); if (step === null) quiet(); };
    playing = { what, ...(await play(view.answer[what], { stepSeconds, steps, onStep })) };
  }
  if (playing) find(`play-${playing.what}`).setAttribute("aria-pressed", "true");
}

function stop() { playing?.stop(); }

function quiet() {
  if (playing) find(`play-${playing.what}`).setAttribute("aria-pressed", "false");
  playing = null;
}

// ------------------------------------------------------------------ events

function listen() {
  for (const what of ["song", "decoded", "truth"]) find(`play-${what}`).addEventListener("click", () => hear(what));
  find("zoom-in").addEventListener("click", () => roll.zoom(1.4));
  find("zoom-out").addEventListener("click", () => roll.zoom(1 / 1.4));
  addEventListener("popstate", () => restore());
  addEventListener("resize", () => { if (view.answer) showEdit(view.answer); });
  addEventListener("keydown", (event) => {
    if (event.target.matches("button, a, input:not([type=range]), select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { " ": () => hear("decoded"), t: () => hear("truth"), s: () => hear("song"), Escape: stop, "+": () => view.song && roll.zoom(1.4), "-": () => view.song && roll.zoom(1 / 1.4) }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
}

start().catch((error) => say(error.message, 60));
