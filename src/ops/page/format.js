// Figures in words: units, and as many digits as matter. Nothing is written as a dash.

export const NONE = "–";

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

const isKnown = (value) => typeof value === "number" && Number.isFinite(value);

/** Three digits, without zeros at the end of a fraction. */
function digits(value) {
  const places = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return places === 0 ? WHOLE.format(value) : String(Number(value.toFixed(places)));
}

export function count(value) {
  return isKnown(value) ? WHOLE.format(value) : NONE;
}

/** "1 item", "1,204 items". */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A number and its unit, for what happens so often a second. */
export function perSecond(value) {
  if (!isKnown(value)) return [NONE, ""];
  if (value >= 1e6) return [digits(value / 1e6), "M/s"];
  if (value >= 1e4) return [digits(value / 1e3), "k/s"];
  return [value >= 10 ? WHOLE.format(value) : String(Number(value.toFixed(1))), "/s"];
}

export function share(value) {
  if (!isKnown(value)) return [NONE, ""];
  const percent = value * 100;
  return [percent > 0 && percent < 1 ? "< 1" : WHOLE.format(percent), "%"];
}

/** A number and its unit, for microseconds. */
export function micros(value) {
  if (!isKnown(value)) return [NONE, ""];
  if (value < 999.5) return [digits(value), "µs"];
  if (value < 999_500) return [digits(value / 1e3), "ms"];
  if (value < 59_950_000) return [digits(value / 1e6), "s"];
  return [span(value / 1e3), ""];
}

/** Milliseconds as one would say them: "4 min 12 s", "3 h 5 min", "2 d 4 h". */
export function span(millis) {
  if (!isKnown(millis)) return NONE;
  const seconds = Math.max(0, Math.floor(millis / 1000));
  const parts = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = parts.findIndex(([size]) => seconds >= size);
  if (first < 0) return "under 1\u00a0s";
  const words = parts.slice(first, first + 2).map(([size, unit], at) => {
    const number = at === 0 ? Math.floor(seconds / size) : Math.floor((seconds % parts[first][0]) / size);
    return at > 0 && number === 0 ? "" : `${number}\u00a0${unit}`;
  });
  return words.filter(Boolean).join(" ");
}

/** Seconds of workers: a figure that is added up. */
export function workTime(seconds) {
  return !isKnown(seconds) ? NONE : seconds < 60 ? `${digits(seconds)}\u00a0s` : span(seconds * 1000);
}

/** The time of day of milliseconds since 1970, in the zone of whoever looks, with the day where it is not today. */
export function clock(millis, now = Date.now()) {
  const [then, today] = [new Date(millis), new Date(now)];
  const time = TIME.format(then);
  return then.toDateString() === today.toDateString() ? time : `${DAY.format(then)} ${time}`;
}

/** A number and its unit as one text. */
export function text([number, unit]) {
  return unit === "" ? number : `${number}\u00a0${unit}`;
}

/** A name of the wire in words: `hard_limit` is "hard limit". */
export function words(name) {
  return String(name).replaceAll("_", " ");
}
