// Ends a program with all that it has started, once: when it is through, at a signal, and at an error that nobody caught. At
// that last one Node by itself would end at once and leave every node running.
//
// stop(): ends what was started. onSignal(): the exit code of a signal. Gives back end(code), which does not return.
export function endsWith(stop, onSignal) {
  let ending = false;
  const end = async (code) => {
    if (ending) return;
    ending = true;
    try {
      await stop();
    } finally {
      process.exit(code);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end(onSignal()));
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error) => {
      if (ending) return;
      console.error(`\nStopped, and everything with it: ${error?.stack ?? error}`);
      end(1);
    });
  }
  return end;
}
