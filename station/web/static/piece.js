// One piece: what was seen, what was decided, what was fired, how it ended.

import { exactly } from "./moments.js";
import { _, told } from "./words.js";

const at = (id) => document.getElementById(id);
const number = document.querySelector("main").dataset.number;
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const few = (scores, most) => Object.entries(scores).filter(([, share]) => share !== null).sort(([, a], [, b]) => b - a).slice(0, most);

function showLooks({ pictures, titles }) {
  at("no-looks").hidden = pictures.length > 0;
  at("looks").replaceChildren(...pictures.map((scores, n) => {
    const item = document.createElement("li");
    const image = document.createElement("img");
    image.src = `/api/pieces/${number}/looks/${n}`;
    const words = few(scores, 3).map(([label, share]) => `${told(titles[label])} ${percent(share)}`);
    image.alt = _("Look {n}: {words}", { n: n + 1, words: words[0] });
    item.append(image, ...words.map((text) => Object.assign(document.createElement("div"), { textContent: text })));
    return item;
  }));
}

function showScores({ scores, titles }) {
  at("scores").tBodies[0].replaceChildren(...few(scores, 14).map(([label, share]) => {
    const row = document.createElement("tr");
    row.insertCell().textContent = told(titles[label]);
    row.insertCell().textContent = percent(share);
    const meter = Object.assign(document.createElement("meter"), { value: share, max: 1 });
    meter.setAttribute("aria-label", told(titles[label]));
    row.insertCell().append(meter);
    return row;
  }));
}

function showRecord(piece) {
  const mm = (value) => `${value.toFixed(1)} mm`;
  const lines = [
    [_("Closed"), exactly.format(new Date(piece.closed_utc))],
    [_("Place"), _("belt tick {at}, {across} from the left edge", { at: piece.at, across: mm(piece.across_mm) })],
    [_("Size"), _("{length} long, {width} wide, {area} cm²", { length: mm(piece.length_mm), width: mm(piece.width_mm), area: (piece.area_mm2 / 100).toFixed(1) })],
    [_("Mass, estimated"), piece.mass_g === null ? "–" : `${piece.mass_g.toFixed(1)} g ± ${piece.mass_sd_g.toFixed(1)} g`],
    [_("Seen"), _("in {sightings} pictures, looked at {looks} times", piece)],
    [_("Rule"), told(piece.why)],
    [_("Target"), piece.open_tick === null ? _("no shot") : _("open at tick {open_tick}, close at {close_tick}, outputs {names}", { ...piece, names: piece.outputs.join(", ") })],
    [_("Time to spare"), piece.slack_ms === null ? "–" : `${piece.slack_ms.toFixed(0)} ms`],
    [_("Shot report"), piece.shot === null ? "–" : [told(piece.shot), _("count {n}", { n: piece.shot_count })].join(" ")],
    [_("Outcome"), told(piece.ended)],
    [_("In a disturbed time"), piece.degraded ? _("yes") : _("no")],
    [_("Touched another piece"), piece.touching ? _("yes") : _("no")],
  ];
  const names = [[_("Reason, as recorded"), piece.outcome_reason], [_("Recipe"), piece.recipe], [_("Model"), piece.model], [_("Run, piece"), `${piece.run}, ${piece.piece_id}`]];
  at("record").tBodies[0].replaceChildren(...[...lines, ...names].map(([name, text], n) => {
    const row = document.createElement("tr");
    row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: name }));
    row.append(Object.assign(document.createElement("td"), { textContent: text, translate: n < lines.length }));
    return row;
  }));
}

const answer = await fetch(`/api/pieces/${number}`);
const piece = await answer.json();
if (answer.ok) {
  at("what").textContent = piece.label === "" ? _("Not recognised.") : _("{title}, {percent} sure.", { title: told(piece.title), percent: percent(piece.confidence) });
  at("ended").textContent = piece.outcome === "ejected" ? _("It was ejected to {outlet}.", piece) : told(piece.ended);
  at("why").textContent = told(piece.why);
  showLooks(piece);
  showScores(piece);
  showRecord(piece);
} else {
  at("answer").textContent = told(piece.refusal);
}
