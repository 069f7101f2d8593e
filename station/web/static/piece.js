// One piece: what was seen, what was decided, what was fired, how it ended.

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
    const words = few(scores, 3).map(([label, share]) => `${titles[label]} ${percent(share)}`);
    image.alt = `Look ${n + 1}: ${words[0]}`;
    item.append(image, ...words.map((text) => Object.assign(document.createElement("div"), { textContent: text })));
    return item;
  }));
}

function showScores({ scores, titles }) {
  at("scores").tBodies[0].replaceChildren(...few(scores, 14).map(([label, share]) => {
    const row = document.createElement("tr");
    row.insertCell().textContent = titles[label];
    row.insertCell().textContent = percent(share);
    const meter = Object.assign(document.createElement("meter"), { value: share, max: 1 });
    meter.setAttribute("aria-label", titles[label]);
    row.insertCell().append(meter);
    return row;
  }));
}

function showRecord(piece) {
  const mm = (value) => `${value.toFixed(1)} mm`;
  const lines = [
    ["Closed", new Date(piece.closed_utc).toLocaleString()],
    ["Place", `belt tick ${piece.at}, ${mm(piece.across_mm)} from the left edge`],
    ["Size", `${mm(piece.length_mm)} long, ${mm(piece.width_mm)} wide, ${(piece.area_mm2 / 100).toFixed(1)} cm²`],
    ["Mass, estimated", piece.mass_g === null ? "–" : `${piece.mass_g.toFixed(1)} g ± ${piece.mass_sd_g.toFixed(1)} g`],
    ["Seen", `in ${piece.sightings} pictures, looked at ${piece.looks} times`],
    ["Target", piece.open_tick === null ? "no shot" : `open at tick ${piece.open_tick}, close at ${piece.close_tick}, outputs ${piece.outputs.join(", ")}`],
    ["Time to spare", piece.slack_ms === null ? "–" : `${piece.slack_ms.toFixed(0)} ms`],
    ["Shot report", piece.shot === null ? "–" : `${piece.shot} (count ${piece.shot_count})`],
    ["Outcome", `${piece.outcome}: ${piece.outcome_reason}`],
    ["In a disturbed time", piece.degraded ? "yes" : "no"],
    ["Recipe", piece.recipe],
    ["Model", piece.model],
    ["Run, piece", `${piece.run}, ${piece.piece_id}`],
  ];
  at("record").tBodies[0].replaceChildren(...lines.map(([name, text]) => {
    const row = document.createElement("tr");
    row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: name }));
    row.insertCell().textContent = text;
    return row;
  }));
}

const answer = await fetch(`/api/pieces/${number}`);
const piece = await answer.json();
if (answer.ok) {
  at("what").textContent = piece.label === "" ? "Not recognised." : `${piece.title}, ${percent(piece.confidence)} sure.`;
  at("ended").textContent = piece.outcome === "ejected" ? `It was ejected to ${piece.outlet}.` : piece.ended;
  at("why").textContent = piece.why;
  showLooks(piece);
  showScores(piece);
  showRecord(piece);
} else {
  at("answer").textContent = piece.refusal;
}
