// What people read, in the language of the page. Sources are English; the catalogue is the station's own.

const language = document.documentElement.dataset.language;
export const locale = document.documentElement.lang;
const catalogue = language === "en" ? {} : await (await fetch(`/words/${language}.json`)).json();

/** Puts values into the places of a sentence. */
export const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);

/** A sentence of the page itself; `{name}` in it is filled from `values`. */
export function _(sentence, values = {}) {
  return fill(catalogue[sentence] ?? sentence, values);
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const patterns = Object.entries(catalogue)
  .filter(([sentence]) => /\{\w*\}/.test(sentence))
  .map(([sentence, said]) => {
    const places = [...sentence.matchAll(/\{(\w*)\}/g)].map(([, name]) => name);
    const parts = sentence.split(/\{\w*\}/).map(escape);
    return { pattern: new RegExp(`^${parts.join("(.+?)")}$`, "s"), places, said, letters: parts.join("").length };
  })
  .sort((one, other) => other.letters - one.letters); // the sentence that leaves least open knows best

/** A sentence that the station said, with its values already in it; what no catalogue knows stays as it is. */
export function told(sentence) {
  if (!sentence || language === "en") return sentence ?? "";
  if (catalogue[sentence]) return catalogue[sentence];
  for (const { pattern, places, said } of patterns) {
    const found = pattern.exec(sentence);
    if (found) return fill(said, Object.fromEntries(places.map((name, n) => [name, told(found[n + 1])])));
  }
  if (sentence.includes("; ")) return sentence.split("; ").map(told).join("; ");
  return sentence;
}

/** A complaint about a file: the key it is about, which is the same in every language, and the sentence. */
export function complained(said) {
  const [key, ...sentence] = said.split("  ");
  return sentence.length > 0 ? `${key}  ${told(sentence.join("  "))}` : told(said);
}

/** A number as the reader writes it. */
export const number = (value, digits = 0) => value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A share from 0 to 1. */
export const percent = (share) => share.toLocaleString(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

const MOMENT = { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** An instant (ISO 8601, UTC where it does not say) in the reader's own time. */
export function when(utc, choices = MOMENT) {
  if (!utc) return "–";
  const at = new Date(/[zZ]|[+-]\d\d:\d\d$/.test(utc) ? utc : `${utc}Z`);
  return Number.isNaN(at.getTime()) ? utc : at.toLocaleString(locale, choices);
}
