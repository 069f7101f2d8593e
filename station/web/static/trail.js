// The trail, newest first.

import { _, told, when } from "./words.js";

const at = (id) => document.getElementById(id);
const answer = await fetch("/api/trail");
const deeds = await answer.json();
if (answer.ok) {
  at("answer").hidden = deeds.length > 0;
  at("trail").tBodies[0].replaceChildren(...deeds.map(({ at_utc, by, role, what, before, after, why }) => {
    const row = document.createElement("tr");
    for (const text of [when(at_utc), by, _(role), told(what), told(before), told(after), told(why)]) row.insertCell().textContent = text;
    for (const n of [1, 4, 5]) row.cells[n].translate = false;
    return row;
  }));
} else {
  at("answer").textContent = told(deeds.refusal);
}
