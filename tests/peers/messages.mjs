// Streams of js-libp2p from version 3 on: they send messages, and events tell what comes in. Each is also an iterator,
// but one that does not end if the other side ended before it was asked for the first time.

/** @returns {import("./peer.mjs").Stream} */
export function adapt(stream) {
  const waiting = [];
  let end;
  let wake;
  const isOver = () => end !== undefined || (stream.remoteWriteStatus === "closed" && stream.readBufferLength === 0);
  const note = (change) => (event) => {
    change(event);
    wake?.();
  };
  stream.addEventListener("message", note(({ data }) => waiting.push(data.subarray())));
  stream.addEventListener("remoteCloseWrite", note(() => (end ??= {})));
  stream.addEventListener("close", note(({ error }) => (end ??= { error })));
  return {
    // What does not go out at once is queued, and the questions are small.
    write: (bytes) => void stream.send(bytes),
    closeWrite: () => stream.close(),
    async read() {
      while (waiting.length === 0 && !isOver()) {
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
      if (waiting.length === 0 && end?.error) {
        throw end.error;
      }
      return waiting.shift();
    },
    close: () => stream.close(),
    abort: (error) => stream.abort(error),
  };
}
