// Streams of js-libp2p before version 3: a pair of iterables, of which the sink is given its source once.

/** @returns {import("./peer.mjs").Stream} */
export function adapt(stream) {
  const waiting = [];
  let wake;
  let ended = false;
  const source = (async function* () {
    while (true) {
      while (waiting.length > 0) {
        yield waiting.shift();
      }
      if (ended) {
        return;
      }
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
  })();
  const end = () => {
    ended = true;
    wake?.();
  };
  // A reset ends the sink with an error, which whoever reads is told as well.
  const sunk = stream.sink(source).catch(() => {});
  const received = stream.source[Symbol.asyncIterator]();
  return {
    write(bytes) {
      waiting.push(bytes);
      wake?.();
    },
    async closeWrite() {
      end();
      await sunk;
    },
    async read() {
      const { done, value } = await received.next();
      return done ? undefined : value.subarray();
    },
    async close() {
      end();
      await sunk;
      await stream.close();
    },
    abort(error) {
      stream.abort(error);
      end();
    },
  };
}
