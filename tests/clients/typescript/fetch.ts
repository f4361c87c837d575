// The story in TypeScript, with the types of openapi-typescript and the client of openapi-fetch.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./chirp.js";
import type { paths as ControlPaths } from "./control.js";
import { listen } from "./receiver.js";

type Payload =
  | components["schemas"]["CallInitiated"]
  | components["schemas"]["CallRinging"]
  | components["schemas"]["CallAnswered"]
  | components["schemas"]["CallCompleted"]
  | components["schemas"]["RecordingCompleted"]
  | components["schemas"]["ParticipantJoined"];

const chirpUrl = process.env["CHIRP_URL"] ?? "";
const controlUrl = process.env["CONTROL_URL"] ?? chirpUrl;
const headers = { Authorization: "Bearer sk_test_app_typescript_fetch" };
const chirp = createClient<paths>({ baseUrl: chirpUrl, headers });
const control = createClient<ControlPaths>({ baseUrl: controlUrl, headers });
const receiver = await listen<Payload>();

const webhook = await chirp.POST("/v1/webhooks", {
  body: { url: receiver.url, events: ["calls.initiated", "calls.answered", "calls.recording.completed"] },
});
assert.equal(webhook.response.status, 201);

const placed = await chirp.POST("/v1/calls", {
  body: { from: "+15551234567", to: "+15005550007", metadata: { ticket: 4711, tags: ["vip"] } },
});
assert.ok(placed.data);
const ticket: unknown = placed.data.metadata["ticket"];
assert.equal(ticket, 4711);
const callId = placed.data.id;

const report = await control.POST("/_mockchirp/clock/advance", { body: { by: "10s" } });
assert.ok(report.data);
assert.ok(report.data.events.some((event) => event.type === "calls.answered"));

const started = await chirp.POST("/v1/calls/{callId}/commands", {
  params: { path: { callId } },
  body: { type: "start_recording", format: "ogg" },
});
assert.equal(started.data?.status, "accepted");
await control.POST("/_mockchirp/clock/advance", { body: { by: 5 } });
await chirp.POST("/v1/calls/{callId}/commands", { params: { path: { callId } }, body: { type: "stop_recording" } });
await control.POST("/_mockchirp/clock/advance", { body: { by: "3s" } });

const recordings = await chirp.GET("/v1/calls/{callId}/recordings", { params: { path: { callId } } });
const recording = recordings.data?.data[0];
assert.ok(recording?.fileUrl);
const file = await fetch(recording.fileUrl);
assert.equal((await file.arrayBuffer()).byteLength, recording.fileSize);

const refused = await chirp.POST("/v1/calls/{callId}/commands", {
  params: { path: { callId } },
  body: { type: "stop_recording" },
});
assert.equal(refused.response.status, 409);
assert.equal(refused.error?.error.type, "invalid_request_error");

const seen = await control.GET("/_mockchirp/calls/{callId}", { params: { path: { callId } } });
assert.equal(seen.data?.status, "in_progress");
const deliveries = await control.GET("/_mockchirp/deliveries", {});
assert.equal(deliveries.data?.totalCount, 3);

assert.deepEqual(
  receiver.received.map((payload) => payload.event),
  ["calls.initiated", "calls.answered", "calls.recording.completed"],
);
for (const payload of receiver.received) {
  assert.deepEqual(payload.data.call.metadata?.["tags"], ["vip"]);
  if (payload.event === "calls.recording.completed") assert.equal(payload.data.recording?.format, "ogg");
}
receiver.close();

// What a strict client must not be able to write.
// @ts-expect-error an event that does not exist
const started_: components["schemas"]["EventName"] = "calls.started";
void started_;
// @ts-expect-error a command that does not exist
void (() => chirp.POST("/v1/calls/{callId}/commands", { params: { path: { callId } }, body: { type: "dance" } }));
