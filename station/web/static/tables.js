// Numbers and faults: cells stand in the page already, only their text changes.

const at = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

function put(cell, text) {
  if (cell && cell.textContent !== text) cell.textContent = text;
}

function putCount(cell, count) {
  put(cell, number.format(count));
  cell.classList.toggle("zero", count === 0);
}

const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);

export function showCounts({ pieces, cells, outcomes }) {
  put(at("pieces"), `${number.format(pieces)} in all`);
  for (const cell of document.querySelectorAll("[data-outcome]")) {
    put(cell, number.format(outcomes[cell.dataset.outcome] ?? 0));
  }
  const byLabel = { ...cells, "": {}, "*": {} };
  const rows = [...document.querySelectorAll("#counts tr[data-label]")];
  const known = new Set(rows.map((row) => row.dataset.label));
  for (const [label, outlets] of Object.entries(cells)) {
    add(byLabel["*"], outlets);
    if (!known.has(label) || label === "") add(byLabel[""], outlets);
  }
  for (const row of rows) showRow(row, byLabel[row.dataset.label] ?? {});
}

function add(total, outlets) {
  for (const [outlet, count] of Object.entries(outlets)) total[outlet] = (total[outlet] ?? 0) + count;
}

function showRow(row, outlets) {
  row.hidden = row.dataset.label === "" && sum(outlets) === 0;
  for (const cell of row.querySelectorAll("td")) {
    putCount(cell, cell.dataset.outlet === "*" ? sum(outlets) : (outlets[cell.dataset.outlet] ?? 0));
  }
}

export function showTruth(truth) {
  if (!truth) return;
  const percent = (share) => (share === null ? "–" : `${(share * 100).toFixed(1)} %`);
  for (const row of document.querySelectorAll("#truth tr[data-outlet]")) {
    const found = truth[row.dataset.outlet];
    if (!found) continue;
    put(row.querySelector('[data-what="purity"]'), percent(found.purity));
    put(row.querySelector('[data-what="recovery"]'), percent(found.recovery));
    put(row.querySelector('[data-what="n"]'), number.format(found.n));
  }
}

function recorded(recording) {
  if (!recording) return "–";
  if (recording.stopped) return "stopped";
  return recording.days_kept === null ? "yes" : `yes, ${number.format(recording.days_kept)} days are kept`;
}

export function showFigures({ speed_mm_s: speed, open_pieces: open, performance, recording }) {
  put(at("recorded"), recorded(recording));
  put(at("speed"), speed === null ? "–" : `${(speed / 1000).toFixed(2)} m/s`);
  put(at("open"), open === null ? "–" : number.format(open));
  if (!performance) return;
  put(at("fps"), `${performance.frames_per_s.toFixed(0)} /s`);
  put(at("frame-ms"), `${performance.frame_ms_p50.toFixed(1)} ms, p99 ${performance.frame_ms_p99.toFixed(1)}`);
  put(at("dropped"), number.format(performance.frames_dropped));
}

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const ago = (seconds) => {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
};

/** Faults keep their place and their element, so a screen reader says each only once. */
export function showFaults(faults, level) {
  const list = at("faults");
  list.dataset.level = level;
  at("no-faults").hidden = faults.length > 0;
  const shown = new Map([...list.children].map((item) => [item.dataset.fault, item]));
  for (const fault of faults) {
    const name = `${fault.code} ${fault.order}`;
    const item = shown.get(name) ?? addFault(list, name);
    shown.delete(name);
    fill(item, fault);
  }
  for (const item of shown.values()) item.remove();
}

function addFault(list, name) {
  const item = at("fault").content.cloneNode(true).firstElementChild;
  item.dataset.fault = name;
  list.append(item);
  return item;
}

function fill(item, { sentence, detail, effect, hint, since_s: since, present, code }) {
  item.classList.toggle("over", !present);
  const began = clock.format(Date.now() - since * 1000);
  put(item.querySelector(".what-failed"), sentence);
  put(item.querySelector(".detail"), [effect, detail].filter(Boolean).join(" "));
  put(item.querySelector(".next span"), hint);
  const state = present ? `since ${began}, ${ago(since)}` : `over, waits for Reset; began ${began}`;
  put(item.querySelector(".since"), `${state} · ${code}`);
}
