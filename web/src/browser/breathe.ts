const { port1, port2 } = new MessageChannel();

/** Lets the messages in that have come meanwhile. A promise alone does not; a timer would wait 4 ms. One at a time. */
export const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    port1.onmessage = () => resolve();
    port2.postMessage(null);
  });
