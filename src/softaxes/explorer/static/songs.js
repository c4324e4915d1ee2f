// Choosing a song: a field that knows the names, a button for files, files dropped anywhere. The pages keep the song
// when one goes from one to the other.

import { ask, say } from "./api.js";
import { acceptDrops, giveAgain, upload } from "./drop.js";

const find = (id) => document.getElementById(id);

// `onChosen(id)` opens a song and may fail; the field keeps the name of what is open. `others`: 1 to have the notes, too,
// that the model does not hear.
export function buildSongs(maxBytes, onChosen, others = 0) {
  let entries = [];

  async function list() {
    entries = await ask("/api/songs");
    find("songs").replaceChildren(...entries.map(({ name }) => Object.assign(document.createElement("option"), { value: name })));
  }

  // A server that was restarted is given a dropped file again.
  async function again(id, question) {
    try {
      return await question();
    } catch (error) {
      if (error.status !== 404 || !(await giveAgain(id))) throw error;
      await list();
      return question();
    }
  }

  async function open(id) {
    const song = await again(id, () => ask("/api/song", { id, others }));
    find("song").value = entries.find((entry) => entry.id === id)?.name ?? song.name;
    find("empty").hidden = true;
    keepInLinks(id);
    return song;
  }

  async function take(files) {
    let last = null;
    for (const file of files) {
      try { last = await upload(file, maxBytes); } catch (error) { say(error.message, 10); }
    }
    if (!last) return;
    await list();
    await choose(last.id);
  }

  const choose = (id) => Promise.resolve(onChosen(id)).catch((error) => say(error.message));

  find("song").addEventListener("change", (event) => {
    const entry = entries.find(({ name }) => name === event.target.value);
    if (entry) choose(entry.id); else say("no song of that name: choose one of the list");
  });
  find("choose").addEventListener("click", () => find("file").click());
  find("file").addEventListener("change", (event) => { take([...event.target.files]); event.target.value = ""; });
  acceptDrops(take);
  return { list, again, open, first: () => entries[0]?.id };
}

function keepInLinks(id) {
  for (const path of ["/", "/motifs"]) {
    const link = document.querySelector(`nav a[href="${path}"], nav a[href^="${path}?"]`);
    if (link) link.href = `${path}?${new URLSearchParams({ song: id })}`;
  }
}

export function invite(words) {
  find("empty").textContent = words;
  find("empty").hidden = false;
}

// Quarter notes a minute at a step.
export const tempoAt = (song, step) => song.tempi.findLast(([at]) => at <= step)?.[1] ?? 120;
