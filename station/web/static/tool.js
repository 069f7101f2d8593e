// What the technician's pages share: asking the station, and tables.

import { told } from "./words.js";

export async function get(path) {
  const answer = await fetch(path, { cache: "no-store" });
  const found = await answer.json();
  if (!answer.ok) throw new Error(told(found.refusal));
  return found;
}

/** For work that takes seconds: resolves to the answer, rejects with the sentence of a refusal. */
export async function order(path, body, method = "POST") {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(path, { method, headers, body: body === null ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(300_000) });
  const found = await answer.json();
  if (!answer.ok || found.taken === false) throw new Error(told(found.refusal));
  return found;
}

/** An element with a text and a class. */
export function part(kind, words = "", name = "") {
  const found = document.createElement(kind);
  if (name) found.className = name;
  found.textContent = words;
  return found;
}

/** A table of texts or elements; columns whose title begins with # hold numbers. */
export function table(titles, rows, name = "found-table") {
  const found = part("table", "", name);
  const head = found.createTHead().insertRow();
  for (const title of titles) {
    const cell = part("th", title.replace(/^#/, ""), title.startsWith("#") ? "n" : "");
    cell.scope = "col";
    head.append(cell);
  }
  const body = found.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((found, n) => {
      const cell = part("td", "", titles[n].startsWith("#") ? "n" : "");
      cell.append(found);
      line.append(cell);
    });
  }
  const scroll = part("div", "", "scroll");
  scroll.tabIndex = 0;
  scroll.append(found);
  return scroll;
}

export const percent = (share, digits = 0) => (share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)} %`);
