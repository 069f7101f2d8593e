// A foreign host: hears everything of a namespace, decodes it with the packages of other people, and prints one JSON line each.
// Births are decoded by sparkplug-payload. Data tell no datatype, and sparkplug-payload then gives no value, so the message
// classes of the same package are used for them. A line "rebirth GROUP NODE" on the standard input sends that command.
"use strict";
const mqtt = require("mqtt");
const sparkplug = require("sparkplug-payload").get("spBv1.0");
const proto = require("sparkplug-payload/lib/sparkplugPayloadProto").org.eclipse.tahu.protobuf;

const client = mqtt.connect(process.argv[2], { clientId: "foreign-host" });
const plain = (key, value) => (value && value.low !== undefined && value.high !== undefined ? value.toString() : value);
const say = (told) => process.stdout.write(JSON.stringify(told, plain) + "\n");

function data(raw) {
  const payload = proto.Payload.decode(raw);
  const metrics = payload.metrics.map((metric) => ({
    name: metric.name,
    type: metric.datatype || null,
    value: metric.value ? metric[metric.value] : null,
    timestamp: metric.timestamp,
    isHistorical: metric.isHistorical,
  }));
  return { seq: payload.seq, timestamp: payload.timestamp, metrics };
}

client.on("connect", () => client.subscribe("spBv1.0/#", { qos: 1 }, () => say({ ready: true })));
client.on("message", (topic, raw) => {
  if (topic.startsWith("spBv1.0/STATE/")) return;
  const payload = topic.includes("DATA/") ? data(raw) : sparkplug.decodePayload(raw);
  say({ topic, payload });
});
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const [, group, node] = line.split(" ");
  const metrics = [{ name: "Node Control/Rebirth", type: "Boolean", value: true }];
  client.publish(`spBv1.0/${group}/NCMD/${node}`, Buffer.from(sparkplug.encodePayload({ timestamp: Date.now(), metrics })), { qos: 1 });
});
