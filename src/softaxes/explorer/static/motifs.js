// The Motifs page: what repeats in the open song, and where in the corpus something like the chosen notes is.

import { ask, latest, say } from "./api.js";
import { readState, writeState } from "./address.js";
import { motifColour } from "./colours.js";
import { NoteRoll } from "./noteroll.js";
import { buildSongs, invite, tempoAt } from "./songs.js";
import { svg } from "./svg.js";
import { play } from "./synth.js";

const find = (id) => document.getElementById(id);
const view = { model: null, song: null, motifs: [], shown: -1, chosen: [], found: [], asked: "", playing: null, looking: null, wanted: "" };
const SIGN = (value) => (value > 0 ? `+${value}` : value < 0 ? `−${-value}` : "±0");
let roll, songs;

async function start() {
  roll = new NoteRoll(find("roll"), { onChosen: chose, onMotif: showMotif, onSearch: () => search(true) });
  view.model = await ask("/api/model");
  songs = buildSongs(view.model.max_bytes, async (id) => { await openSong(id); remember(true); }, 1);
  listen();
  await songs.list();
  await restore();
}

async function openSong(id) {
  stop();
  view.song = await songs.open(id);
  roll.open(view.song, view.model.window_steps);
  Object.assign(view, { motifs: [], shown: -1, chosen: [], found: [], asked: "", wanted: "" });
  listFound(null);
  view.looked = lookForMotifs(id);  // nobody waits for it who only wants to choose notes
}

// The search takes seconds; a song that was left behind need not be searched.
async function lookForMotifs(id) {
  view.looking?.abort();
  const { signal } = (view.looking = new AbortController());
  listMotifs("looking for motifs… (this takes some seconds)");
  find("looking").hidden = false;
  let motifs = [], words = "";
  try {
    ({ motifs } = await songs.again(id, () => ask("/api/motifs", { id }, { signal })));
    words = motifs.length ? "" : "nothing of three notes or more returns in this song";
  } catch (error) {
    words = error.message;
  }
  if (signal.aborted) return;
  view.motifs = motifs;
  find("looking").hidden = true;
  roll.colour(motifs);
  listMotifs(words);
  const wanted = motifs.findIndex(({ name }) => name === view.wanted);
  if (wanted >= 0) showMotif(wanted);
}

async function restore() {
  const { song, motif, notes, find: sought } = readState();
  const id = song ?? songs.first();
  if (!id) return invite("Drop a MIDI file here, or open one with the button above.");
  try {
    if (view.song?.id !== id) await openSong(id);
  } catch (error) {
    say(error.message, 12);
    return invite(`${error.message}. Drop a MIDI file here, or choose a song above.`);
  }
  view.wanted = motif ?? "";
  const named = view.motifs.findIndex(({ name }) => name === motif);
  if (named >= 0) showMotif(named);
  view.asked = "";
  roll.choose(notes ? fromRanges(notes).filter((i) => i < view.song.notes.length) : []);
  if (sought) await search(false); else listFound(null);
  await view.looked;
  document.body.dataset.shown = view.song.id;
}

function remember(step) {
  if (!view.song) return;
  writeState({ song: view.song.id, motif: view.motifs[view.shown]?.name ?? view.wanted, notes: toRanges(view.chosen), find: view.asked ? 1 : "" }, step);
}

// 3,4,5,9 is written 3-5,9.
function toRanges(indices) {
  const runs = [];
  for (const i of indices) {
    const last = runs.at(-1);
    if (last && last[1] === i - 1) last[1] = i; else runs.push([i, i]);
  }
  return runs.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`)).join(",");
}

const fromRanges = (text) => text.split(",").flatMap((part) => {
  const [first, last = first] = part.split("-").map(Number);
  return Number.isInteger(first) && Number.isInteger(last) ? Array.from({ length: Math.max(0, Math.min(last - first, 500) + 1) }, (_, k) => first + k) : [];
});

// ------------------------------------------------------------------ motifs

function listMotifs(words) {
  const { motifs } = view;
  find("motifs-message").textContent = words || `${motifs.length} motif${motifs.length === 1 ? "" : "s"}, best first; bar:beat, semitones above the first clear statement, what is kept`;
  find("motifs").replaceChildren(...motifs.map(buildMotif));
  find("play-all").disabled = true;
  document.body.dataset.motifs = String(motifs.length);
}

function buildMotif({ name, notes, occurrences }, index) {
  const item = document.createElement("li"), head = document.createElement("button");
  item.className = "motif";
  item.style.setProperty("--motif", motifColour(index));
  Object.assign(head, { type: "button", id: `motif-${name}` });
  head.setAttribute("aria-pressed", "false");
  const span = (textContent, className) => Object.assign(document.createElement("span"), { textContent, className });
  const exact = occurrences.filter(({ relation }) => relation === "exact").length;
  const how = exact === occurrences.length ? "all exact" : `${exact} exact`;
  head.append(span(name, "name"), shape(notes), span(`${notes.length} notes, ${occurrences.length} times`, ""), span(how, "hint"));
  head.addEventListener("click", () => { showMotif(view.shown === index ? -1 : index); });
  item.append(head);
  return item;
}

function shape(notes) {
  const [begin, end] = [notes[0][0], Math.max(...notes.map(([o, d]) => o + d))], pitches = notes.map((n) => n[2]);
  const [low, high] = [Math.min(...pitches), Math.max(...pitches)], row = 30 / Math.max(6, high - low + 1);
  const top = (pitch) => 1 + (30 - row * (high - low + 1)) / 2 + (high - pitch) * row;
  const rects = notes.map(([o, d, p]) => svg("rect", { x: (88 * (o - begin)) / (end - begin), y: top(p), width: Math.max(1.5, (88 * d) / (end - begin) - 0.8), height: Math.max(1.5, row) }));
  return svg("svg", { class: "shape", viewBox: "0 0 88 32", preserveAspectRatio: "none", "aria-hidden": "true" }, ...rects);
}

function showMotif(index, note = -1) {
  Object.assign(view, { shown: index, wanted: "" });
  roll.showMotif(index);
  find("motifs").querySelectorAll(".occurrences").forEach((list) => list.remove());
  [...find("motifs").children].forEach((item, k) => item.firstChild.setAttribute("aria-pressed", String(k === index)));
  find("play-all").disabled = index < 0;
  remember(false);
  if (index < 0) return;
  const { occurrences } = view.motifs[index], statement = occurrences.find((o) => o.statement) ?? occurrences[0];
  const list = Object.assign(document.createElement("ol"), { className: "occurrences" });
  list.append(...occurrences.map((occurrence, k) => buildOccurrence(occurrence, k)));
  const ask_ = Object.assign(document.createElement("button"), { type: "button", textContent: "find it in the corpus" });
  const heard = statement.held.filter((i) => i >= 0 && i < view.song.notes.length);
  Object.assign(ask_, { disabled: heard.length < 2, title: heard.length < 2 ? "the model does not hear these notes" : "" });
  ask_.addEventListener("click", () => { roll.choose([...new Set(heard)]); search(true); });
  const last = document.createElement("li");
  last.append(ask_);
  list.append(last);
  find("motifs").children[index].append(list);
  roll.reveal(note < 0 ? statement.start : roll.all[note][0], view.model.window_steps / 2);
}

function buildOccurrence(occurrence, number) {
  const item = document.createElement("li"), button = document.createElement("button");
  const { place, transposition, relation, probability, track, statement } = occurrence;
  Object.assign(button, { type: "button", textContent: `${number + 1} · ${place} · ${SIGN(transposition)} · ${statement ? "statement" : relation}` });
  button.title = `${track}; a return with probability ${probability.toFixed(2)}`;
  button.setAttribute("aria-label", `occurrence ${number + 1} at bar and beat ${place}, transposed by ${transposition}, ${statement ? "the first clear statement" : relation}, ${button.title}: play`);
  button.addEventListener("click", () => hear([partOf(occurrence, button)]));
  item.append(button);
  return item;
}

// ------------------------------------------------------------------ in the corpus

function chose(indices) {
  view.chosen = indices;
  find("chosen-notes").textContent = indices.length ? `${indices.length} note${indices.length === 1 ? "" : "s"} chosen, from bar ${roll.barName(roll.barOf(view.song.notes[indices[0]][0]))}` : "";
  find("search").disabled = indices.length < 2;
  remember(false);
}

const askCorpus = latest(async (asked) => {
  const { id } = view.song, answer = await songs.again(id, () => ask("/api/motifs/search", { id, notes: asked }));
  if (asked !== view.asked || id !== view.song.id) return;
  listFound(answer);
  if (answer.songs < answer.total) setTimeout(() => { if (asked === view.asked) askCorpus(asked); }, 2500);
});

async function search(step) {
  if (view.chosen.length < 2) return;
  view.asked = toRanges(view.chosen);
  remember(step);
  find("found-message").textContent = "looking…";
  await askCorpus(view.asked);
}

function listFound(answer) {
  view.found = answer?.results ?? [];
  find("bar").hidden = !answer || answer.songs >= answer.total;
  if (answer) {
    Object.assign(find("bar"), { value: answer.songs, max: Math.max(1, answer.total) });
    const searched = `${answer.windows.toLocaleString()} windows of ${answer.songs.toLocaleString()}${answer.songs < answer.total ? ` of ${answer.total.toLocaleString()}` : ""} songs`;
    const used = answer.used < view.chosen.length ? ` · the first ${answer.used} notes, as many as one window of the model holds` : "";
    const empty = answer.total ? answer.windows ? `nothing alike in ${searched}` : "the songs are being encoded; what is alike appears here by itself" : "there are no songs to look in: start softaxes explore with a folder of MIDI files";
    find("found-message").textContent = view.found.length ? `nearest of ${searched}, at the best delay · place, transposition, notes that return, similarity (1: the same)${used}` : empty;
  } else find("found-message").textContent = "Choose notes: drag a box around them, or use the keys below.";
  find("found").replaceChildren(...view.found.map(buildFound));
  find("play-found").disabled = view.found.length === 0;
  if (answer) document.body.dataset.found = `${view.asked}:${answer.songs}`;
}

function buildFound(row) {
  const item = document.createElement("li"), button = document.createElement("button");
  button.type = "button";
  const cells = [row.name, row.place, SIGN(row.transposition), `${row.kept}/${row.of}`, row.similarity.toFixed(2)];
  button.append(...cells.map((textContent) => Object.assign(document.createElement("span"), { textContent, title: textContent })));
  button.setAttribute("aria-label", `${row.name} at ${row.place}, transposed by ${row.transposition}, ${row.kept} of ${row.of} notes return, similarity ${row.similarity.toFixed(2)}: play`);
  button.addEventListener("click", () => hear([{ row, button }]));
  const link = Object.assign(document.createElement("a"), { href: `/?${new URLSearchParams({ song: row.song, at: row.start })}`, textContent: "steer" });
  link.setAttribute("aria-label", `open ${row.name} at ${row.place} in Steer`);
  item.append(button, link);
  return item;
}

// ------------------------------------------------------------------ playing

const partOf = ({ notes, start }, button) => ({ notes, from: start, to: Math.max(...notes.map(([o, d]) => o + d)), button });

// One after the other; the same again (the same button, or the same words) stops.
async function hear(parts, pressed = null, key = pressed ?? parts[0].button) {
  const same = view.playing?.key === key;
  stop();
  if (same) return;
  const mine = { key, ended: false, stop: () => { mine.ended = true; } };
  view.playing = mine;
  pressed?.setAttribute("aria-pressed", "true");
  for (const part of parts) {
    if (mine.ended) break;
    part.button?.classList.add("playing");
    try { await hearOne(part, mine); } catch (error) { say(error.message); mine.ended = true; }
    part.button?.classList.remove("playing");
  }
  pressed?.setAttribute("aria-pressed", "false");
  if (view.playing === mine) view.playing = null;
}

async function hearOne({ notes, from, to, row }, mine) {
  let bpm = tempoAt(view.song, from ?? 0), steps = to;
  if (row) {
    const window = await ask("/api/window", { id: row.song, at: row.start });
    ({ notes, bpm, steps } = window);
    from = 0;
  } else roll.reveal(from, to - from);
  if (mine.ended) return;
  await new Promise((resolve) => {
    const onStep = (step) => { if (!row) roll.showPlayhead(step); if (step === null) resolve(); };
    play(notes, { stepSeconds: 60 / bpm / view.model.steps_per_beat, from, steps, onStep }).then(({ stop: halt }) => {
      if (mine.ended) halt();
      mine.stop = () => { mine.ended = true; halt(); };
    });
  });
}

function stop() { view.playing?.stop(); view.playing = null; }

function hearMotif() {
  if (view.shown < 0) return;
  const buttons = find("motifs").children[view.shown].querySelectorAll(".occurrences button");
  hear(view.motifs[view.shown].occurrences.map((occurrence, k) => partOf(occurrence, buttons[k])), find("play-all"));
}

function hearChosen() {
  if (!view.chosen.length) return hearMotif();
  const notes = view.chosen.map((i) => view.song.notes[i]);
  return hear([partOf({ notes, start: notes[0][0] }, null)], null, "chosen notes");
}

// ------------------------------------------------------------------ events

function listen() {
  find("search").addEventListener("click", () => search(true));
  find("play-all").addEventListener("click", hearMotif);
  find("play-found").addEventListener("click", () => hear(view.found.map((row, k) => ({ row, button: find("found").children[k].firstChild })), find("play-found")));
  find("zoom-in").addEventListener("click", () => roll.zoom(1.4, middle()));
  find("zoom-out").addEventListener("click", () => roll.zoom(1 / 1.4, middle()));
  find("pick").hidden = !matchMedia("(any-pointer: coarse)").matches;
  find("pick").addEventListener("click", (event) => {
    roll.choosing = !roll.choosing;
    event.target.setAttribute("aria-pressed", String(roll.choosing));
    find("roll").style.touchAction = roll.choosing ? "none" : "";
  });
  addEventListener("popstate", () => restore());
  addEventListener("keydown", (event) => {
    if (event.target.matches("button, a, input, select") || event.ctrlKey || event.metaKey || event.altKey || !view.song) return;
    const act = { " ": hearChosen, Escape: stop, "+": () => roll.zoom(1.4, middle()), "-": () => roll.zoom(1 / 1.4, middle()) }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    [...find("motifs").children].forEach((item, k) => item.style.setProperty("--motif", motifColour(k)));
  });
}

const middle = () => roll.left + find("roll").clientWidth / 2 / roll.scale;

start().catch((error) => say(error.message, 60));
