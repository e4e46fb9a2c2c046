// SPDX-License-Identifier: Apache-2.0
// A device by mqtt.js. Usage: device.mjs NODE_MODULES, then one JSON object on stdin: url,
// options (version, will, credentials), subscribe (a topic or null), publish: a list of
// [topic, message, options], wait_ms. Prints what it heard as JSON lines.
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const mqtt = createRequire(`${process.argv[2]}/x.js`)('mqtt');

let text = '';
for await (const piece of process.stdin) text += piece;
const task = JSON.parse(text);

const client = await mqtt.connectAsync(task.url, task.options);
client.on('message', (topic, body, packet) => console.log(JSON.stringify(
  { topic, body: body.toString(), qos: packet.qos, retain: packet.retain })));
if (task.subscribe) await client.subscribeAsync(task.subscribe, { qos: 1 });
for (const [topic, message, options] of task.publish)
  await client.publishAsync(topic, message, options);
await sleep(task.wait_ms);
if (task.vanish) process.exit(0); // without a DISCONNECT: the last will is the broker's now
await client.endAsync();
