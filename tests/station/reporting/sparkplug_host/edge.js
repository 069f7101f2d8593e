// A foreign edge node (sparkplug-client): is born with one metric and ends after a few seconds or with its standard input.
"use strict";
const client = require("sparkplug-client").newClient({
  serverUrl: process.argv[2],
  username: "",
  password: "",
  groupId: "yard",
  edgeNode: "foreign",
  clientId: "foreign-edge",
  version: "spBv1.0",
});
client.on("birth", () =>
  client.publishNodeBirth({
    timestamp: 1790000000000,
    metrics: [
      { name: "Count", type: "UInt64", value: 123, timestamp: 1790000000000 },
      { name: "Below", type: "Int64", value: -5, timestamp: 1790000000000 },
      { name: "Share", type: "Double", value: 0.25, timestamp: 1790000000000 },
    ],
  }),
);
client.on("error", () => process.exit(1));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
