/** The model on the visitor's GPU, in a worker of its own: the one that answers never waits for it, and can end it. */
import * as ort from "onnxruntime-web/jspi";
import { Network } from "./network.ts";
import type { Rules } from "./rules.ts";

export type ToGpu =
  | { type: "open"; runtime: ArrayBuffer; weights: Uint8Array<ArrayBuffer>; shape: Rules["model"] }
  | { type: "read"; ids: number[]; fresh: boolean };
/** What was asked for, or why it cannot be had, now and later. */
export type FromGpu = { type: "done"; logits: Float32Array | null } | { type: "broken"; why: string };

const tell = (message: FromGpu) => postMessage(message);
let network: Network | null = null;

async function open({ runtime, weights, shape }: ToGpu & { type: "open" }): Promise<void> {
  ort.env.wasm.wasmBinary = runtime;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  network = await Network.open(ort, "webgpu", weights, shape);
  const device: GPUDevice = await ort.env.webgpu.device;
  void device.lost.then(({ message }) => tell({ type: "broken", why: message }));
}

addEventListener("message", async ({ data }: MessageEvent<ToGpu>) => {
  try {
    if (data.type === "open") await open(data);
    const logits = data.type === "read" ? await network?.read(data.ids, data.fresh) : null;
    tell({ type: "done", logits: logits ?? null });
  } catch (error) {
    tell({ type: "broken", why: error instanceof Error ? error.message : String(error) });
  }
});
