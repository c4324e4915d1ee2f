// Colours for points: around a wheel for what turns or has no order, from faint to strong for what grows.

function rgb(hue, saturation, light) {
  const channel = (n) => {
    const k = (n + hue * 12) % 12, a = saturation * Math.min(light, 1 - light);
    return Math.round(255 * (light - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return ((255 << 24) | (channel(4) << 16) | (channel(8) << 8) | channel(0)) >>> 0;
}

const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

export const wheel = (share) => rgb(((share % 1) + 1) % 1, 0.55, isDark() ? 0.62 : 0.5);
export const grey = () => rgb(0, 0, 0.55);
export const growing = (share) => rgb(0.58 - 0.5 * share, 0.35 + 0.4 * share, isDark() ? 0.4 + 0.25 * share : 0.72 - 0.27 * share);
export const scattered = (number) => wheel(number * 0.61803);

// Motifs are many and have no order: neighbours in the list lie far apart on the wheel.
export const motifColour = (number) => `hsl(${Math.round((205 + number * 137.508) % 360)} ${isDark() ? "62% 62%" : "58% 44%"})`;
