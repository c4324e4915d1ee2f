// Names of MIDI pitches; 60 is C4.

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

export const pitchName = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
export const isSharp = (pitch) => NAMES[pitch % 12].length > 1;
export const hertz = (pitch) => 440 * 2 ** ((pitch - 69) / 12);
