// The story in TypeScript, with the client of @hey-api/openapi-ts.
import assert from "node:assert/strict";
import { client as chirpClient } from "./chirp/client.gen.js";
import { createCall, createWebhook, getCall, sendCallCommand, listVoicemails } from "./chirp/index.js";
import type { Webhooks } from "./chirp/index.js";
import { client as controlClient } from "./control/client.gen.js";
import { advanceClock, listDeliveries, receiveCall } from "./control/index.js";
import { listen } from "./receiver.js";

const chirpUrl = process.env["CHIRP_URL"] ?? "";
const controlUrl = process.env["CONTROL_URL"] ?? chirpUrl;
const headers = { Authorization: "Bearer sk_test_app_typescript_hey" };
chirpClient.setConfig({ baseUrl: chirpUrl, headers });
controlClient.setConfig({ baseUrl: controlUrl, headers });
const receiver = await listen<Webhooks["body"]>();

await createWebhook({ body: { url: receiver.url, events: ["calls.initiated", "calls.voicemail.received"] } });
const inbound = await receiveCall({ body: { from: "+15559876543", metadata: { campaign: "spring" } } });
assert.ok(inbound.data);
await sendCallCommand({ path: { callId: inbound.data.id }, body: { type: "send_to_voicemail" } });
const report = await advanceClock({ body: { by: "1m" } });
assert.ok(report.data);

const voicemails = await listVoicemails({ query: { limit: 5 } });
const transcription: string | null | undefined = voicemails.data?.data[0]?.transcription;
assert.equal(typeof transcription, "string");

const placed = await createCall({ body: { from: "+15551234567", to: "+15005550001", metadata: { ticket: 4711 } } });
assert.equal(placed.data?.metadata["ticket"], 4711);
const unknown = await getCall({ path: { callId: "call_test_000000000000000000000000000" } });
assert.equal(unknown.response?.status, 404);
assert.equal(unknown.error?.error.type, "invalid_request_error");

const deliveries = await listDeliveries();
assert.ok((deliveries.data?.data.length ?? 0) >= 2);
const voicemail = receiver.received.find((payload) => payload.event === "calls.voicemail.received");
assert.equal(voicemail?.data.call.metadata?.["campaign"], "spring");
receiver.close();
