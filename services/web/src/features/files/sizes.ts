// How large things are: files in people's units, pictures on the screen.

const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

/** A number of bytes, as people say it. */
export function fileSize(bytes: number): string {
  const power = Math.min(units.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return new Intl.NumberFormat(undefined, {
    style: "unit",
    unit: units[power] ?? "byte",
    unitDisplay: power === 0 ? "long" : "short",
    maximumFractionDigits: value < 10 && power > 0 ? 1 : 0,
  }).format(value);
}

/** The largest box of a picture in a timeline, in CSS pixels, and the one of a picture whose size nobody knows. */
const widest = 420;
const highest = 320;
const unknown = { width: 320, height: 220 };
/** Smaller ones could not be hit. */
const least = 40;

/** The box that a picture gets before it is there: nothing moves when it comes. */
export function pictureBox(width = 0, height = 0): { width: number; height: number } {
  if (width <= 0 || height <= 0) return unknown;
  const scale = Math.min(1, widest / width, highest / height);
  return { width: Math.max(least, Math.round(width * scale)), height: Math.max(least, Math.round(height * scale)) };
}
