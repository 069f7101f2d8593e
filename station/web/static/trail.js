// The trail, newest first.

const at = (id) => document.getElementById(id);
const answer = await fetch("/api/trail");
const deeds = await answer.json();
if (answer.ok) {
  at("answer").hidden = deeds.length > 0;
  at("trail").tBodies[0].replaceChildren(...deeds.map(({ at_utc, by, role, what, before, after, why }) => {
    const row = document.createElement("tr");
    for (const text of [at_utc.replace("T", " ").slice(0, 19), `${by} (${role})`, what, before, after, why]) row.insertCell().textContent = text;
    return row;
  }));
} else {
  at("answer").textContent = deeds.refusal;
}
