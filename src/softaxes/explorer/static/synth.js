// A small instrument of our own: no sound bank to load, so nothing comes from outside.
// Two detuned triangles and a sine an octave up through a low-pass that closes as a struck string does.

import { hertz } from "./pitch.js";

let context, output, analyser;

export function sound() {
  if (!context) {
    context = new AudioContext();
    output = new DynamicsCompressorNode(context, { threshold: -18, ratio: 6 });
    analyser = new AnalyserNode(context, { fftSize: 1024 });
    output.connect(analyser).connect(context.destination);
  }
  return { context, analyser };
}

function strike(pitch, at, seconds, bus) {
  const level = new GainNode(context, { gain: 0 });
  const highest = 0.45 * context.sampleRate, tone = Math.min(hertz(pitch), highest / 6);
  const filter = new BiquadFilterNode(context, { type: "lowpass", frequency: 6 * tone });
  filter.frequency.setTargetAtTime(2.2 * tone, at, 0.18);
  const end = at + Math.max(seconds, 0.09);
  level.gain.setValueAtTime(0, at);
  level.gain.linearRampToValueAtTime(0.16, at + 0.006);
  level.gain.setTargetAtTime(0.05, at + 0.006, 0.35);
  level.gain.setTargetAtTime(0, end, 0.06);
  for (const [type, ratio, detune] of [["triangle", 1, -3], ["triangle", 1, 3], ["sine", 2, 0]]) {
    if (ratio * hertz(pitch) > highest) continue;
    const voice = new OscillatorNode(context, { type, frequency: ratio * hertz(pitch), detune });
    voice.connect(filter);
    voice.start(at);
    voice.stop(end + 0.4);
  }
  filter.connect(level).connect(bus);
}

// Play notes [onset, duration, pitch] (in steps) from step `from`; `onStep` hears the position, null at the end.
export async function play(notes, { stepSeconds, from = 0, steps, onStep }) {
  sound();
  await context.resume();
  const bus = new GainNode(context);
  bus.connect(output);
  const start = context.currentTime + 0.06 - from * stepSeconds;
  const queue = notes.filter(([onset, duration]) => onset + duration > from).sort((a, b) => a[0] - b[0]);
  let stopped = false, next = 0;
  const feed = () => {
    while (next < queue.length && start + queue[next][0] * stepSeconds < context.currentTime + 0.6) {
      const [onset, duration, pitch] = queue[next++];
      const begin = Math.max(onset, from);
      strike(pitch, start + begin * stepSeconds, (onset + duration - begin) * stepSeconds * 0.96, bus);
    }
  };
  const tick = () => {
    if (stopped) return;
    feed();
    const step = (context.currentTime - start) / stepSeconds;
    if (step > steps) { stop(); return; }
    onStep(Math.max(step, from));
    requestAnimationFrame(tick);
  };
  const feeding = setInterval(feed, 200);  // frames stop in a hidden tab
  function stop() {
    if (stopped) return;
    stopped = true;
    clearInterval(feeding);
    bus.gain.setTargetAtTime(0, context.currentTime, 0.03);
    setTimeout(() => bus.disconnect(), 400);
    onStep(null);
  }
  feed();
  tick();
  return { stop };
}
