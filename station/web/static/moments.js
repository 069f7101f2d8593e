// Instants and lengths of time as people say them.

import { _, locale } from "./words.js";

const tongue = locale === "en" ? "en-GB" : locale;
export const clock = new Intl.DateTimeFormat(tongue, { timeStyle: "medium", hourCycle: "h23" });
export const when = new Intl.DateTimeFormat(tongue, { dateStyle: "short", timeStyle: "short", hourCycle: "h23" });
export const exactly = new Intl.DateTimeFormat(tongue, { dateStyle: "short", timeStyle: "medium", hourCycle: "h23" });

export function lasting(seconds) {
  if (seconds < 90) return _("{n} s", { n: seconds < 10 ? seconds.toFixed(1) : Math.round(seconds) });
  return seconds < 5400 ? _("{n} min", { n: Math.round(seconds / 60) }) : _("{n} h", { n: (seconds / 3600).toFixed(1) });
}
