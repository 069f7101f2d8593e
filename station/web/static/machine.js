// The machine: who answers, how fast, and how every lane does.

import { get, order, part, percent, table } from "./tool.js";
import { _, locale, told } from "./words.js";

const at = (id) => document.getElementById(id);
const EVERY_MS = 2000;
const number = new Intl.NumberFormat(locale);
const KINDS = { valve: _("valve"), pusher: _("pusher"), flap: _("flap") };
let shown = "";

const figures = (pairs) => pairs.filter(([, value]) => value !== null).map(([title, value]) => {
  const pair = document.createElement("div");
  pair.append(part("dt", title), part("dd", value));
  return pair;
});

function live(found) {
  if (found === null) return [[_("Connection"), _("the control process has not said anything yet")]];
  return [
    [_("Connection"), found.connected ? _("connected") : _("not connected")],
    [_("Round trip"), `${found.round_trip_ms_p50} ms`],
    [_("of a hundred, the slowest"), `${found.round_trip_ms_p99} ms`],
    [_("Polls"), number.format(found.polls)],
    [_("of them late"), number.format(found.late_polls)],
    [_("Answers not usable"), found.unusable_share === null ? null : percent(found.unusable_share, 2)],
    [_("Real time"), found.real_time ? _("yes") : _("no: it shares the processor with everything else")],
    [_("Jobs refused"), number.format(found.jobs_refused)],
    [_("Outputs held"), found.held],
    [_("Trouble"), found.down],
  ];
}

/** The response of one lane over the days, drawn small, with its first and last value in words. */
function overDays(history, output) {
  const values = history.map(({ response_ms: ms }) => ms[output]).filter((ms) => ms !== undefined);
  const cell = part("span", "–");
  if (values.length < 2) return cell;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const points = values.map((ms, n) => `${((100 * n) / (values.length - 1)).toFixed(1)},${(22 - (20 * (ms - low)) / Math.max(high - low, 1)).toFixed(1)}`);
  const chart = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  chart.setAttribute("viewBox", "0 0 100 24");
  chart.setAttribute("class", "over-days");
  chart.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", points.join(" "));
  chart.append(line);
  cell.textContent = _("{first} to {last} ms in {n} days", { first: values[0].toFixed(1), last: values.at(-1).toFixed(1), n: values.length });
  cell.prepend(chart);
  return cell;
}

async function show() {
  const found = await get("/api/machine");
  if (JSON.stringify(found) === shown) return;
  shown = JSON.stringify(found);
  at("words").textContent = told(found.words);
  at("live").replaceChildren(...figures(live(found.live)));
  const { map_version: version, outputs, counter_bits: bits, ticks_per_mm: ticks } = found.expected;
  at("expected").replaceChildren(...figures([[_("Map version"), `${version}`], [_("Outputs"), `${outputs}`], [_("Counter"), _("{bits} bits", { bits })], [_("Ticks per mm"), `${ticks}`]]));
  at("doubts").replaceChildren(...found.doubts.map((doubt) => part("li", told(doubt))));
  const titles = [_("Outlet"), `#${_("Lane")}`, `#${_("Output")}`, _("Kind"), _("State"), `#${_("Openings")}`, `#${_("in this run")}`, `#${_("Calibrated")}`, `#${_("Response")}`];
  if (found.history.length > 1) titles.push(_("Over the days"));
  const rows = found.lanes.map((lane) => [
    lane.outlet, `${lane.lane}`, `${lane.output}`, KINDS[lane.kind], told(lane.health), number.format(lane.openings), number.format(lane.openings_this_run),
    `${lane.delay_ms} ms`, lane.response_ms === null ? "–" : `${lane.response_ms.toFixed(1)} ms`,
    ...(found.history.length > 1 ? [overDays(found.history, lane.output)] : []),
  ]);
  const { scrollTop, scrollLeft } = at("lanes").firstElementChild ?? { scrollTop: 0, scrollLeft: 0 };
  at("lanes").replaceChildren(table(titles, rows));
  Object.assign(at("lanes").firstElementChild, { scrollTop, scrollLeft });
}

at("probe").addEventListener("click", async () => {
  at("answer").textContent = _("Asking the controller.");
  at("probed").replaceChildren();
  try {
    const { lines } = await order("/api/machine/probe", null);
    at("answer").textContent = "";
    at("probed").replaceChildren(...lines.map((line) => part("li", told(line))));
  } catch (error) {
    at("answer").textContent = error.message;
  }
});

for (;;) {
  try {
    await show();
  } catch (error) {
    at("words").textContent = error.message;
  }
  await new Promise((done) => setTimeout(done, EVERY_MS));
}
